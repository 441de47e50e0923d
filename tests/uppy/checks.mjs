// What the page must do, with either version of Uppy.

import path from 'node:path';

import { enlarge, seeded, store } from './photos.mjs';
import { cut, DROP_ANSWER, EXPIRED, PASS, SLOW_DOWN } from './proxy.mjs';
import { assert, MIB, pause, until } from './visit.mjs';

const MB = 1_000_000;

/** Bytes of the large file, those after which the connection is cut, and the most that may be sent in all. */
const LARGE = 140 * MB;
const CUT = 100 * MB;
const MOST = 1.1 * LARGE;

const numbered = (n) => `IMG_${String(n + 1).padStart(4, '0')}.jpg`;

async function twentyPhotos({ visit, studio, label, drawings, work }) {
  const photos = store(path.join(work, label), drawings.map((bytes, n) => ({ name: numbered(n), bytes })));
  await visit.choose(photos);
  await visit.untilComplete(60);
  const counts = await studio.has(photos, 60);
  await visit.page.waitForFunction((all) => document.querySelectorAll('#photos .ready').length === all, photos.length);
  await visit.screenshot(label);
  return counts;
}

/** With Uppy 5 the browser has lost the file after the reload, and it is chosen again; with Uppy 6 it has kept it. */
async function largeFileCut({ visit, studio, proxy, version, label, drawings, work }) {
  const bytes = enlarge(drawings[0], LARGE, seeded(version));
  const [file] = store(path.join(work, label), [{ name: 'large.jpg', bytes }]);
  let cutAt = 0;
  proxy.onSent = (sent) => {
    if (sent < CUT || cutAt) return;
    cutAt = sent;
    proxy.cutAll();
  };
  await visit.choose([file]);
  await until('100 MB are sent', 60, () => cutAt);
  if (version === 5) await visit.forgetFiles();
  await visit.screenshot(`${label}-cut`);
  proxy.offline = false;
  await visit.reload();
  if (version === 5) {
    await visit.page.getByText('re-select').first().waitFor();
    await visit.screenshot(`${label}-asks`);
    await visit.choose([file]);
  }
  await visit.untilComplete(120);
  await studio.has([file], 120);
  await visit.screenshot(label);
  assert(proxy.sent <= MOST, `${proxy.sent} bytes were sent, ${(proxy.sent / LARGE).toFixed(3)} times the file`);
  const resumed = version === 5 ? 'chosen again' : 'kept by the browser';
  return `cut at ${cutAt}, ${resumed}, ${proxy.sent} bytes sent (${(proxy.sent / LARGE).toFixed(3)} times), one photo, SHA-256 equal`;
}

const put = ({ to, method }) => to === 's3' && method === 'PUT';
/** Uppy 5 completes uploads by the API, Uppy 6 by S3. */
const completion = ({ to, method, url }) => method === 'POST' && (to === 's3' || url.pathname.endsWith('/complete'));
const announcement = ({ to, method, url }) => to === 'api' && method === 'POST' && url.pathname === '/photos';

/** Uploads a file whose first request of a kind meets a fault. */
const oneFault = (kind, fault, size) => async ({ visit, studio, proxy, version, label, drawings, work }) => {
  const bytes = size ? enlarge(drawings[1], size, seeded(version)) : drawings[1];
  const [file] = store(path.join(work, label), [{ name: 'one.jpg', bytes }]);
  let met = false;
  proxy.fault = (request) => {
    if (met || !kind(request)) return PASS;
    met = true;
    return fault;
  };
  await visit.choose([file]);
  await visit.untilComplete(60);
  await studio.has([file], 60);
  assert(met, 'no request met the fault');
  return `one photo after ${proxy.requests.PUT} PUT`;
};

/** Files that a photographer chooses at once. */
const BATCH = 20;
/** Reloads of the page while a batch is uploaded. */
const RELOADS = 2;

/**
 * Returns what a request meets, by a seeded generator: a third of the uploads to S3 and a tenth of the API's requests
 * fail. The order of requests differs from run to run, so a seed repeats the files and the odds, not the history.
 */
function misfortune(random) {
  return ({ to, url, size }) => {
    if (to === 'page' || (to === 's3' && !url.pathname.includes('/originals/'))) return PASS;
    const lot = random();
    if (to === 'api') return lot < 0.05 ? DROP_ANSWER : lot < 0.1 ? SLOW_DOWN : PASS;
    if (lot < 0.1) return cut(Math.ceil(size * random()));
    if (lot < 0.2) return DROP_ANSWER;
    if (lot < 0.29) return SLOW_DOWN;
    return lot < 0.33 ? EXPIRED : PASS;
  };
}

/** Every fifth file is uploaded in parts. After a reload the photographer chooses all files of the batch again. */
async function campaign({ visit, studio, proxy, version, label, drawings, work, flags }) {
  const [all, seed] = [Number(flags.campaign), Number(flags.seed)];
  const random = seeded(1000 * seed + version);
  const sent = [];
  let reloads = 0;
  for (let first = 0; first < all; first += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, all - first) }, (_, n) => {
      const size = n % 5 === 4 ? (5.5 + 6 * random()) * MIB : (0.1 + 0.9 * random()) * MIB;
      return { name: numbered(first + n), bytes: enlarge(drawings[n], Math.round(size), random) };
    });
    const files = store(path.join(work, label), batch);
    sent.push(...files);
    proxy.fault = misfortune(random);
    await visit.choose(files);
    for (let reload = 0; reload < RELOADS; reload++) {
      await pause(500 + 3000 * random());
      await visit.reload();
      await pause(300);
      await visit.choose(files);
      reloads++;
    }
    await until(`batch from ${first}`, 180, async () => {
      await visit.retry();
      return visit.isComplete();
    });
    proxy.fault = () => PASS;
    await visit.done();
  }
  const counts = await studio.has(sent, 120);
  await visit.screenshot(label);
  const faults = Object.entries(proxy.faults).map(([name, count]) => `${count} ${name}`);
  return `seed ${seed}, ${all} uploads, ${faults.join(', ')}, ${reloads} reloads: ${counts}`;
}

export const CHECKS = [
  { name: '20 photos', run: twentyPhotos },
  { name: '140 MB cut', run: largeFileCut },
  { name: 'lost answer', run: oneFault(put, DROP_ANSWER) },
  { name: 'lost answer of a part', multipartFrom: 0, run: oneFault(put, DROP_ANSWER, 6 * MIB) },
  { name: 'lost answer of the completion', multipartFrom: 0, run: oneFault(completion, DROP_ANSWER, 6 * MIB) },
  { name: 'lost answer of the announcement', run: oneFault(announcement, DROP_ANSWER) },
  { name: 'expired URL', run: oneFault(put, EXPIRED) },
  { name: 'expired URL of a part', multipartFrom: 0, run: oneFault(put, EXPIRED, 6 * MIB) },
  { name: 'campaign', multipartFrom: 5 * MIB, run: campaign },
];
