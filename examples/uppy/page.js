// A photographer's page: uploads by Uppy's Dashboard, and below what Darkroom makes of the photos.

import { api, multipartFrom, token, version } from './config.js';
import { Darkroom } from './darkroom.js';

const MIB = 1024 * 1024;
/** Milliseconds between two looks at photos that are being processed. */
const LOOK = 2_000;

const styles = document.createElement('link');
styles.rel = 'stylesheet';
styles.href = `uppy${version}/dist/uppy.css`;
document.head.prepend(styles);
const { AwsS3, Dashboard, GoldenRetriever, Uppy } = await import(`./uppy${version}/dist/uppy.js`);

// RAW files have no media type in browsers, so they are allowed by their names.
const raw = ['.cr2', '.cr3', '.nef', '.arw', '.raf', '.orf', '.rw2', '.dng', '.heic', '.psd'];

const uppy = new Uppy({
  autoProceed: true,
  restrictions: { allowedFileTypes: ['image/*', 'video/*', ...raw], maxFileSize: 5 * 1024 * MIB },
});
uppy.use(Dashboard, {
  inline: true,
  target: '#uploads',
  width: '100%',
  height: 420,
  showRemoveButtonAfterComplete: false,
  proudlyDisplayPoweredByUppy: false,
});

const darkroom = new Darkroom(uppy, { api, token, multipart: (file) => file.size > multipartFrom });
uppy.use(AwsS3, version === 5 ? darkroom.uppy5Options(AwsS3) : darkroom.uppy6Options());

// Stores files in the browser, so that an upload continues after a reload. It asks for larger files again.
uppy.use(GoldenRetriever, { indexedDB: { maxFileSize: 256 * MIB, maxTotalSize: 2 * 1024 * MIB } });

// Continues as soon as all files of the interrupted session are there.
function resume() {
  const { recoveredState } = uppy.getState();
  if (recoveredState && !uppy.getFiles().some((file) => file.isGhost)) uppy.emit('restore-confirmed');
}
uppy.on('restored', () => setTimeout(resume));
uppy.on('files-added', () => setTimeout(resume));

// What becomes of the photos.

const shown = new Map();

function show(photo) {
  const item = shown.get(photo.id)?.item ?? document.createElement('li');
  shown.set(photo.id, { item, status: photo.status });
  const words = { awaiting_upload: 'arriving', pending: 'waiting', processing: 'processing', ready: 'ready' };
  const picture = photo.derivatives?.thumb
    ? Object.assign(document.createElement('img'), { src: photo.derivatives.thumb.url, alt: '' })
    : Object.assign(document.createElement('span'), { className: 'picture', textContent: 'no picture yet' });
  const name = Object.assign(document.createElement('span'), { className: 'name', textContent: photo.filename });
  const status = Object.assign(document.createElement('span'), {
    className: 'status',
    textContent: photo.status === 'failed' ? photo.error.message : (words[photo.status] ?? photo.status),
  });
  item.className = photo.status;
  item.title = photo.filename;
  item.replaceChildren(picture, name, status);
  if (!item.isConnected) document.querySelector('#photos').append(item);
  const ready = [...shown.values()].filter(({ status }) => status === 'ready').length;
  document.querySelector('#counts').textContent = `${ready} of ${shown.size} ready`;
}

async function look(id) {
  const answer = await fetch(`${api}/photos/${id}`, { headers: { authorization: `Bearer ${await token()}` } });
  if (answer.ok) show(await answer.json());
}

uppy.on('upload-success', ({ id }) => {
  const file = uppy.getFile(id);
  if (file) show({ id: file.meta.photoId, filename: file.name, status: 'processing' });
});

async function watch() {
  const open = [...shown].filter(([, { status }]) => status !== 'ready' && status !== 'failed');
  for (const [id] of open) await look(id).catch(() => {});
  setTimeout(watch, LOOK);
}
watch();
