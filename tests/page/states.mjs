// Brings downloads into every state that the customer's page has, through the API, and keeps the pages that answer.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { assert, fetchFile, parallel, Studio, until, visit } from './system.mjs';

export const LANGUAGES = ['en', 'de', 'fr'];
/** Photos of the usual order, of which the last is a video without pictures. */
export const USUAL = 40;
/** Photos of the large order. */
export const MANY = 400;

/** Minutes by which the clock is behind until everything that ends has been made. */
export const BEHIND = 2 * 24 * 60;
/** Wrong PINs within an hour, after which the page refuses further ones; and in all, after which it is locked. */
const [PINS_AN_HOUR, PINS_IN_ALL] = [10, 100];
const PIN = '246810';

const LONG = 'Hochzeitsfotografieauftragsnummer'.repeat(4).slice(0, 100);
const MARKUP = '<b>Foto</b> & "Söhne" <img src=x onerror=alert(1)>';
const HEBREW = 'תמונות של חתונה (2026) \u202eabc';
const HOSTILE_NAMES = ['👩‍👩‍👧‍👦❤️🏳️‍🌈.jpg', `${'W'.repeat(200)}.jpg`, `${MARKUP}.jpg`, `${HEBREW}.jpg`, 'a b  c\u00a0d.jpg', 'ﷺ'.repeat(40) + '.jpg'];

const PROFILE = {
  name: 'Foto Anna Lindqvist',
  accent_color: '#1f6f5c',
  message: 'Thank you for a wonderful day!\nThe album follows in two weeks.',
  contact: 'Anna Lindqvist\n+43 1 234 56 78\nanna@example.com',
  footer: 'Foto Anna Lindqvist e.U.\nMariahilfer Straße 1, 1060 Wien',
  time_zone: 'Europe/Vienna',
  reply_to: 'anna@example.com',
};

/** Makes the studios, their photos and all states. Returns the pages, and links for those who want to download. */
export async function makeStates(system, drawings) {
  const anna = new Studio(system.api, 'anna');
  const berta = new Studio(system.api, 'berta');
  const carla = new Studio(system.api, 'carla');
  await anna.call('PUT', '/studio', PROFILE);
  await anna.logo(drawings.logo);
  await berta.call('PUT', '/studio', { renewal: 'automatic' });
  await carla.call('PUT', '/studio', {
    name: `${MARKUP} ${HEBREW}`.slice(0, 100),
    accent_color: '#ffff00',
    message: `${MARKUP}\n${HEBREW}\n${'W'.repeat(300)}`,
    contact: `https://example.com/${'path/'.repeat(30)}`,
    footer: `${LONG}\n${'\n'.repeat(10)}${HEBREW}`,
  });
  const photos = await uploads(anna, berta, carla, drawings);
  const pages = [];
  const keep = (name, language, page, state, status = 200) => {
    const shown = /<main data-state="([a-z_]+)"/.exec(page.body)?.[1];
    const right = page.status === status && shown === state && page.body.includes(`<html lang="${language}"`);
    assert(right, `${name} in ${language}: ${page.status} ${shown}, expected ${status} ${state}: ${page.body.slice(0, 300)}`);
    pages.push({ name, language, ...page });
  };

  // The clock is two days behind. What ends within them is made now.
  const ended = await parallel(3, LANGUAGES, async (language) => {
    const { id: order } = await anna.order(`2026-1017-${language}`, language, photos.usual);
    const { id: other } = await berta.order(`B-17-${language}`, language, photos.berta);
    const { id: busy } = await anna.order(`Busy-${language}`, language, photos.usual);
    const terms = { expires_in_days: 30 };
    const made = {
      order,
      expired: await anna.download(order, { expires_in_days: 1 }),
      renewed: await berta.download(other, { expires_in_days: 1 }),
      spent: await anna.download(order, { ...terms, max_downloads: 1 }),
      locked: await anna.download(order, { ...terms, pin: PIN }),
      busy: await anna.download(busy, { ...terms, split_bytes: 1_000_000 }),
    };
    for (const name of ['expired', 'spent', 'locked', 'busy']) await anna.is(made[name].id, 'ready');
    await berta.is(made.renewed.id, 'ready');
    await fetchFile(made.spent.link);
    return made;
  });
  for (let tries = 0; tries < PINS_IN_ALL; tries += PINS_AN_HOUR) {
    await parallel(3, ended, async ({ locked }) => {
      for (let n = 0; n < PINS_AN_HOUR; n++) await enter(locked.link, '000000', 403);
    });
    system.moveTo(system.minutes + 61);
  }
  system.moveTo(0);
  const indexes = breakIndexes(system, 'Busy-');

  await parallel(3, LANGUAGES, async (language, n) => {
    const { order, expired, renewed, spent, locked, busy } = ended[n];
    const show = async (name, url, state, status, how) => keep(name, language, await visit(url, { language, ...how }), state, status);
    const press = { method: 'POST', form: '' };
    await show('expired', expired.link, 'expired', 410);
    await show('asked', `${expired.link}/renew`, 'asked', 200, press);
    await show('expired-asked', expired.link, 'expired', 410);
    await show('renewed', `${renewed.link}/renew`, 'asked', 200, press);
    await show('spent', spent.link, 'spent', 410);
    await show('pin-locked', `${locked.link}/pin`, 'pin', 403, { method: 'POST', form: `pin=${PIN}` });
    await show('busy', busy.link, 'busy', 503);

    const [plain, volumes, both, pin, revoked] = await Promise.all(
      [
        { max_downloads: 3 },
        { split_bytes: 1_000_000 },
        { both_sizes: true },
        { pin: PIN },
        { expires_in_days: 2 },
      ].map((terms) => anna.download(order, terms)),
    );
    for (const { id } of [plain, volumes, both, pin, revoked]) await anna.is(id, 'ready');
    const single = await anna.download(order, { kind: 'single', photo_id: photos.usual[1] });
    await show('ready', plain.link, 'ready');
    await show('ready-volumes', volumes.link, 'ready');
    await show('ready-both', both.link, 'ready');
    await show('ready-single', single.link, 'ready');
    await show('photo', `${plain.link}/photo/2`, 'photo');
    await show('photo-both', `${both.link}/photo/${USUAL - 1}`, 'photo');
    await show('photo-no-preview', `${plain.link}/photo/${USUAL}`, 'photo');
    await show('started', plain.link, 'started', 200, press);
    await show('missing', `${plain.link}/photo/999`, 'missing', 404);
    await show('error', plain.link, 'error', 405, { method: 'PUT' });
    await show('unknown', `${system.api}/d/nonsense`, 'unknown', 404);
    await show('pin', pin.link, 'pin');
    await show('pin-wrong', `${pin.link}/pin`, 'pin', 403, { method: 'POST', form: 'pin=000000' });
    for (let n = 1; n < PINS_AN_HOUR; n++) await enter(pin.link, '000000', 403);
    await show('pin-too-many', `${pin.link}/pin`, 'pin', 429, { method: 'POST', form: `pin=${PIN}` });
    await anna.call('DELETE', `/downloads/${revoked.id}`);
    await show('revoked', revoked.link, 'revoked', 410);

    const { id: videos } = await anna.order(`Video ${language}`, language, [photos.usual[USUAL - 1]]);
    const video = await anna.download(videos, { both_sizes: true });
    await anna.is(video.id, 'ready');
    await show('no-other-size', `${video.link}/size`, 'no_other_size', 422, press);

    const { id: gone } = await anna.order(`Erased ${language}`, language, photos.usual.slice(0, 2));
    const erased = await anna.download(gone, {});
    await anna.is(erased.id, 'ready');
    await anna.call('DELETE', `/orders/${gone}`);
    await show('erased', erased.link, 'erased', 410);

    await show('ready-neutral', (await ready(berta, `B-18-${language}`, language, photos.berta)).link, 'ready');
    const hostile = await ready(carla, `${HEBREW} ${LONG}`.slice(0, 100), language, photos.carla);
    await show('ready-hostile', hostile.link, 'ready');
    await show('photo-hostile', `${hostile.link}/photo/2`, 'photo');
    await show('photo-rtl', `${hostile.link}/photo/4`, 'photo');
    await show('started-hostile', `${hostile.link}/photo/2`, 'started', 200, press);
  });

  const many = await parallel(1, LANGUAGES, async (language) => {
    const { id: order } = await anna.order(`2026-1018-${language}`, language, photos.many);
    const download = await anna.download(order, { notify: true, both_sizes: true });
    keep('processing', language, await halfway(download.link, language), 'processing');
    await anna.is(download.id, 'ready');
    keep('ready-many', language, await visit(`${download.link}?page=2`, { language }), 'ready');
    return { order, ...download };
  });

  const lost = await Promise.all(LANGUAGES.map((language) => anna.order(`Lost ${language}`, language, [photos.usual[0], photos.lost])));
  await system.loseObject('photos', `originals/anna/${photos.lost}`);
  await parallel(3, LANGUAGES, async (language, n) => {
    const { id, link } = await anna.download(lost[n].id, {});
    await anna.is(id, 'failed');
    keep('failed', language, await visit(link, { language }), 'failed');
  });
  indexes.mend();
  return { pages, anna, photos, order: ended[0].order, many: many[0], ended };
}

/** Uploads the photos of all studios and returns their ids. */
async function uploads(anna, berta, carla, { photos, tiny }) {
  const named = (bytes, n) => ({ name: `IMG_${String(n + 1).padStart(4, '0')}.jpg`, bytes });
  const video = { name: 'Ringe.mp4', type: 'video/mp4', bytes: Buffer.from(`\0\0\0\x18ftypisom\0\0\0\0isomiso2${'\0'.repeat(400)}`, 'latin1') };
  const usual = await anna.upload([...photos.slice(0, USUAL - 1).map(named), video]);
  const more = photos.slice(USUAL - 1).map((bytes, n) => named(bytes, n + USUAL));
  const small = Array.from({ length: MANY - USUAL - more.length }, (_, n) => named(tiny(n), n + 200));
  const [others, [lost], ofBerta, ofCarla] = await Promise.all([
    anna.upload([...more, ...small]),
    anna.upload([{ name: 'lost.jpg', bytes: tiny(10_000) }]),
    berta.upload(photos.slice(0, 8).map(named)),
    carla.upload(HOSTILE_NAMES.map((name, n) => ({ name, bytes: photos[n] }))),
  ]);
  return { usual, many: [...usual, ...others], lost, berta: ofBerta, carla: ofCarla };
}

async function ready(studio, reference, language, photos) {
  const { id } = await studio.order(reference, language, photos);
  const download = await studio.download(id, {});
  await studio.is(download.id, 'ready');
  return download;
}

async function enter(link, pin, status) {
  const page = await visit(`${link}/pin`, { method: 'POST', form: `pin=${pin}` });
  assert(page.status === status, `PIN ${pin}: ${page.status}, expected ${status}`);
}

/** Returns the page of a download that is being built, with some photos packed if it is caught in time. */
async function halfway(link, language) {
  let last;
  for (;;) {
    const page = await visit(link, { language });
    if (!page.body.includes('data-state="processing"')) return last ?? page;
    last = page;
    const percent = Number(/<progress max="100" value="(\d+)"/.exec(page.body)?.[1]);
    if (percent > 0 && percent < 100) return page;
  }
}

/** Makes the S3 stand-in fail at the indexes of all archives of orders with this reference, so that the API answers 503. */
function breakIndexes(system, reference) {
  const folder = path.join(system.data, 's3', 'blobs');
  const broken = readdirSync(folder)
    .map((name) => [path.join(folder, name), readFileSync(path.join(folder, name))])
    .filter(([, bytes]) => bytes[0] === 0x7b && bytes.includes(reference));
  assert(broken.length > 0, `no index names ${reference}`);
  for (const [name] of broken) writeFileSync(name, '');
  return { mend: () => broken.forEach(([name, bytes]) => writeFileSync(name, bytes)) };
}
