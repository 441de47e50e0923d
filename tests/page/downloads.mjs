// Downloads files as customers do: with and without script, by keyboard, and into the photo library of a phone.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { complaintsOf, REPORT_VIOLATIONS, SCREENS } from './looks.mjs';
import { assert, fetchFile, until, visit } from './system.mjs';

/** Height between the bars of a phone's browser, in CSS pixels. */
const VISIBLE = 664;

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Clicks, and returns the name and the bytes of the file that is saved. */
async function saved(page, press) {
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: 20_000 }), press()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

/** Presses the first button and the link of the page after it, as without script. */
async function pressTwice(page) {
  await page.locator('main button').first().click();
  await page.waitForSelector('main[data-state=started]');
  return saved(page, () => page.locator('main a.button').click());
}

const CHECKS = {
  async 'ZIP with script'(open, { anna, fresh }) {
    const { id, link } = await fresh();
    const page = await open(link);
    const file = await saved(page, () => page.locator('main button').first().click());
    await page.waitForSelector('main[data-state=started]');
    const shown = await anna.shown(id);
    assert(file.bytes.equals(await fetchFile(link)), 'other bytes than the script gets');
    assert(file.bytes.length === shown.file_size_bytes, `${file.bytes.length} bytes instead of ${shown.file_size_bytes}`);
    assert(shown.download_count === 1, `counted ${shown.download_count}`);
    return `${file.name}, ${file.bytes.length} bytes, counted once`;
  },

  async 'ZIP without script'(open, { anna, fresh }) {
    const { id, link } = await fresh();
    const page = await open(link, { javaScriptEnabled: false });
    const file = await pressTwice(page);
    const shown = await anna.shown(id);
    assert(file.bytes.length === shown.file_size_bytes && shown.download_count === 1, `${file.bytes.length} bytes, counted ${shown.download_count}`);
    return `${file.name}, button and link, counted once`;
  },

  async 'one photo'(open, { fresh, originals }) {
    const { link } = await fresh();
    const page = await open(`${link}/photo/3`);
    const file = await saved(page, () => page.locator('main button').first().click());
    assert(file.bytes.equals(originals[2]) && file.name === 'IMG_0003.jpg', `${file.name}, ${file.bytes.length} bytes`);
    return `${file.name}, the original's bytes`;
  },

  async 'HEAD of the file'(open, { anna, fresh }) {
    const { id, link } = await fresh();
    const posted = await fetch(link, { method: 'POST', redirect: 'manual' });
    const head = await fetch(posted.headers.get('location'), { method: 'HEAD' });
    const shown = await anna.shown(id);
    assert(head.ok && Number(head.headers.get('content-length')) === shown.file_size_bytes, `${head.status} ${head.headers.get('content-length')}`);
    assert(shown.download_count === 0, `counted ${shown.download_count}`);
    return `${shown.file_size_bytes} bytes, not counted`;
  },

  async 'keyboard'(open, { fresh }) {
    const { link } = await fresh();
    const page = await open(link);
    await page.keyboard.press('Tab');
    const focused = () =>
      page.evaluate(() => {
        const { activeElement: element } = document;
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        return { is: element.matches('main form:first-of-type button'), visible: outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2 };
      });
    const { is, visible } = await focused();
    assert(is && visible, `the first Tab: button ${is}, outline ${visible}`);
    const file = await saved(page, () => page.keyboard.press('Enter'));
    return `Tab reaches the button, Enter saves ${file.name}`;
  },

  async 'the waiting page turns into the files'(open, { anna, many }) {
    const { link } = await anna.download(many.order, { split_bytes: 5_000_000, notify: true });
    const kept = await visit(link);
    assert(kept.body.includes('data-poll'), 'the build was too fast to be waited for');
    const page = await open(link, { kept });
    const button = page.locator('[data-poll] button');
    await button.focus();
    await page.waitForResponse(link);
    assert(await button.evaluate((it) => it === document.activeElement), 'the focus is lost');
    await page.waitForSelector('main[data-state=ready]', { timeout: 30_000 });
    await until('the thumbnails are there', 20, () => page.evaluate(() => document.images.length > 0 && [...document.images].some((it) => it.naturalWidth)));
    return 'updated in place, then ready without a click, with thumbnails';
  },

  async 'share: 3 of 40 photos'(open, { anna, fresh, originals }) {
    const { id, link } = await fresh();
    const page = await open(link, { ...SCREENS.phone, viewport: { width: 390, height: VISIBLE }, share: [] });
    let most = 0;
    // The last one is upright.
    for (const [n, number] of [6, 7, 8].entries()) {
      let taps = 0;
      const tap = async (selector) => {
        taps++;
        await page.locator(selector).tap();
      };
      if (n === 0) await tap(`.grid a[href$="/photo/${number}"]`);
      else await tap('nav a[rel=next]');
      await page.waitForURL(`**/photo/${number}`);
      const button = 'main form[data-share] button';
      const bottom = await page.locator(button).evaluate((it) => it.getBoundingClientRect().bottom);
      assert(bottom <= VISIBLE, `photo ${number}: the button ends at ${bottom} of ${VISIBLE} px`);
      await tap(button);
      const { files } = await until('a photo is shared', 20, () => page.evaluate(() => globalThis.shared.at(-1)));
      assert(files.length === 1 && files[0].sha256 === sha256(originals[number - 1]), `photo ${number}: ${JSON.stringify(files)}`);
      assert(files[0].type === 'image/jpeg' && files[0].name === `IMG_000${number}.jpg`, JSON.stringify(files));
      most = Math.max(most, taps);
    }
    const { fetches, download_count: count } = await anna.shown(id);
    const ways = fetches.map(({ by }) => by).join(' ');
    assert(most <= 3 && ways === 'phone phone phone' && count === 1, `${most} taps, ${ways}, counted ${count}`);
    return `${most} taps each without scrolling, fetched by ${ways}, counted once, bytes of the originals`;
  },

  async 'share: a large photo needs a second tap'(open, { fresh }) {
    const { link } = await fresh();
    const page = await open(`${link}/photo/5`, { ...SCREENS.phone, share: ['NotAllowedError'] });
    const posts = [];
    page.on('request', (request) => request.method() === 'POST' && posts.push(request.url()));
    const button = page.locator('main form[data-share] button');
    const before = await button.textContent();
    await button.tap();
    await until('the page asks for a second tap', 20, async () => (await button.textContent()) === 'Ready: tap to save' && button.isEnabled());
    await button.tap();
    await until('the photo is shared', 20, () => page.evaluate(() => globalThis.shared.length === 1));
    assert(posts.length === 1, `fetched ${posts.length} times`);
    assert((await button.textContent()) === before, 'the button does not return to its text');
    return 'fetched once, shared by the second tap';
  },

  async 'share: the customer closes the sheet'(open, { fresh }) {
    const { link } = await fresh();
    const page = await open(`${link}/photo/5`, { ...SCREENS.phone, share: ['AbortError'] });
    const button = page.locator('main form[data-share] button');
    await button.tap();
    await until('the sheet is closed', 20, () => page.evaluate(() => globalThis.tried === 1));
    await until('the button is as before', 20, async () => (await button.textContent()) === 'Save to photos' && button.isEnabled());
    assert((await page.locator('main').getAttribute('data-state')) === 'photo', 'the page was left');
    return 'the page stays as it was';
  },

  async 'share fails'(open, { fresh, originals }) {
    const { link } = await fresh();
    const page = await open(`${link}/photo/5`, { ...SCREENS.phone, share: ['DataError'] });
    const file = await saved(page, () => page.locator('main form[data-share] button').tap());
    assert(file.bytes.equals(originals[4]), `${file.bytes.length} bytes`);
    return `${file.name} is downloaded instead`;
  },

  async 'PIN'(open, { anna, order }) {
    const { id, link } = await anna.download(order, { pin: '135790' });
    await anna.is(id, 'ready');
    const page = await open(link);
    await page.keyboard.type('111111');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[role=alert]');
    await page.keyboard.type('135 790');
    await page.keyboard.press('Enter');
    await page.waitForSelector('main[data-state=ready]');
    const file = await saved(page, () => page.locator('main button').first().click());
    return `typed without a click, ${file.name}`;
  },
};

/** In the page: a phone's Web Share API, which needs a tap, and fails as often as `errors` says. */
function stubShare(errors) {
  globalThis.shared = [];
  globalThis.tried = 0;
  navigator.canShare = ({ files }) => files.length > 0;
  navigator.share = async ({ files }) => {
    globalThis.tried++;
    const name = navigator.userActivation.isActive ? errors.shift() : 'NotAllowedError';
    if (name) throw new DOMException('', name);
    const described = files.map(async (file) => {
      // `crypto.subtle` is there on loopback.
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
      const hex = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
      return { name: file.name, type: file.type, sha256: hex };
    });
    globalThis.shared.push({ files: await Promise.all(described) });
  };
}

/** Runs all checks. Returns the number of failures. */
export async function downloadAll(browser, { anna, order, many }, originals) {
  let failed = 0;
  const fresh = async () => {
    const download = await anna.download(order, {});
    await anna.is(download.id, 'ready');
    return download;
  };
  console.log('\nDownloads');
  for (const [name, check] of Object.entries(CHECKS)) {
    const contexts = [];
    const complaints = [];
    const open = async (url, { share, kept, ...options } = {}) => {
      const context = await browser.newContext({ acceptDownloads: true, ...options });
      contexts.push(context);
      if (options.javaScriptEnabled !== false) await context.addInitScript(REPORT_VIOLATIONS);
      if (share) await context.addInitScript(stubShare, share);
      const page = await context.newPage();
      complaints.push(complaintsOf(page));
      // The page as it was, and once more to its script.
      let times = 2;
      if (kept) await page.route(url, (route) => (times-- > 0 ? route.fulfill(kept) : route.continue()));
      await page.goto(url);
      return page;
    };
    let said;
    try {
      said = await check(open, { anna, order, many, originals, fresh });
      assert(complaints.flat().length === 0, complaints.flat().join('; '));
    } catch (error) {
      failed++;
      said = `FAILED: ${error.message.split('\n')[0]} ${complaints.flat().join('; ')}`;
    }
    console.log(`${name.padEnd(42)}${said}`);
    await Promise.all(contexts.map((context) => context.close()));
  }
  return failed;
}
