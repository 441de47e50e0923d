// Shows each page on each screen in each colour scheme: screenshots, axe-core, and what must hold on all of them.

import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { SCHEMES, SCREENS, enter, go, openWindow, settled, troubles } from './browser.mjs';
import { Model, stateOf } from './model.mjs';

const RECORD = stateOf().failed.photos.find(({ record_id: id }) => id?.startsWith('0199e0a0-0007'));
const select = async (page, number) => {
  const boxes = page.getByRole('table', { name: 'Failed jobs' }).getByRole('checkbox');
  for (let n = 1; n <= number; n += 1) await boxes.nth(n).check();
};
const start = async (page) => {
  await go(page, '#/queues/photos?error=damaged');
  await page.getByRole('button', { name: /^Retry all/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: /^Retry/ }).click();
  await page.getByRole('link', { name: 'Watch the operation' }).waitFor();
};
/** Pages by name: the address, what is done there first, and the state of the model if it is another. */
const PAGES = [
  ['queues', '#/queues'],
  ['queue', '#/queues/photos'],
  ['queue-selected', '#/queues/photos', (page) => select(page, 3)],
  ['queue-error', '#/queues/photos?error=damaged'],
  ['queue-empty', '#/queues/uploads'],
  ['queue-paused', '#/queues/webhooks'],
  ['letters', '#/queues/photos', async (page) => {
    for (const letter of await page.locator('details.letter summary').all()) await letter.click();
  }],
  ['confirm-forget', '#/queues/photos', (page) => page.getByRole('button', { name: /^Forget all/ }).click()],
  ['confirm-pause', '#/queues', (page) => page.getByRole('button', { name: 'Pause… photos' }).click()],
  ['record', `#/records/anna/${RECORD.record_id}`],
  ['record-unknown', '#/records/anna/0199e0a0-0000-7000-8000-00000000dead'],
  ['operations', '#/operations', async (page) => { await start(page); await go(page, '#/operations'); }],
  ['operation', '#/operations', async (page) => { await start(page); await page.getByRole('link', { name: 'Watch the operation' }).click(); await settled(page); }],
  ['studios', '#/studios'],
  ['search', '#/search?studio=anna&q=A-1017'],
  ['keys', '#/queues', (page) => page.keyboard.press('?')],
  ['no-metrics', '#/queues', null, { hasMetrics: false, hasPause: false }],
  ['no-operator', '#/queues', null, { refuse: () => [403, { type: '/problems/operators-only', title: 'Operators only', status: 403, detail: 'This route is for operators only.' }] }],
  ['unavailable', '#/queues', null, { refuse: () => [503, { title: 'Busy', status: 503, detail: 'A service of AWS is not available. Please try again.' }] }],
];

/** Shows all pages. Returns the number of failures; prints a table. */
export async function look(browser, folder, work, only) {
  const shots = path.join(work, 'shots');
  mkdirSync(shots, { recursive: true });
  const renderings = Object.keys(SCREENS).flatMap((screen) => SCHEMES.map((scheme) => ({ screen, scheme })));
  const pages = PAGES.filter(([name]) => !only || only.split(',').includes(name));
  const found = await Promise.all(renderings.map((rendering) => lookAll(browser, folder, shots, rendering, pages)));
  const signIn = await lookAtSignIn(browser, folder, shots);
  console.log(`${pages.length} pages; violations that axe-core finds`);
  console.log(['page'.padEnd(20), ...renderings.map(({ screen, scheme }) => `${screen} ${scheme}`.padStart(15))].join(''));
  for (const [name] of pages) console.log([name.padEnd(20), ...found.map((all) => String(all.find((one) => one.name === name).violations).padStart(15))].join(''));
  const troubled = [...found.flat(), ...signIn].filter((one) => one.troubles.length > 0);
  for (const one of troubled) console.log(`FAILED ${one.label}: ${one.troubles.slice(0, 4).join('; ')}${one.troubles.length > 4 ? `; ${one.troubles.length} in all` : ''}`);
  await sheets(browser, shots, work, renderings, pages);
  return troubled.length;
}

async function lookAll(browser, folder, shots, { screen, scheme }, pages) {
  const results = [];
  for (const [name, address, act, state] of pages) {
    const model = await Model.start(folder, state);
    const page = await openWindow(browser, { ...SCREENS[screen], colorScheme: scheme });
    const label = `${name} ${screen} ${scheme}`;
    let found;
    try {
      await enter(page, model.url, address);
      await act?.(page);
      await page.waitForTimeout(150);
      await page.screenshot({ path: path.join(shots, `${label.replaceAll(' ', '-')}.png`), fullPage: !/confirm|keys/.test(name) });
      found = await troubles(page, screen);
    } catch (error) {
      found = { troubles: [error.message.split('\n')[0], ...page.complaints], violations: 0 };
    }
    results.push({ name, label, ...found });
    await page.context().close();
    model.stop();
  }
  return results;
}

async function lookAtSignIn(browser, folder, shots) {
  const results = [];
  for (const screen of Object.keys(SCREENS)) {
    const model = await Model.start(folder);
    const page = await openWindow(browser, SCREENS[screen]);
    await page.goto(`${model.url}/console`);
    await page.getByRole('button', { name: 'Sign in as operator' }).waitFor();
    await page.screenshot({ path: path.join(shots, `sign-in-${screen}-light.png`) });
    results.push({ name: 'sign-in', label: `sign-in ${screen}`, ...(await troubles(page, screen)) });
    await page.context().close();
    model.stop();
  }
  return results;
}

/** Draws contact sheets of the screenshots, one for each rendering. */
async function sheets(browser, shots, work, renderings, pages) {
  const page = await browser.newPage({ viewport: { width: 1800, height: 1000 } });
  for (const { screen, scheme } of renderings) {
    const cells = pages.map(([name]) => {
      const file = path.join(shots, `${name}-${screen}-${scheme}.png`);
      let picture = '';
      try {
        picture = readFileSync(file, 'base64');
      } catch {
        // Its failure is in the table.
      }
      return `<figure><figcaption>${name}</figcaption><div><img src="data:image/png;base64,${picture}"></div></figure>`;
    });
    const size = screen === 'phone' ? 'width: 280px; height: 640px' : 'width: 588px; height: 420px';
    await page.setContent(`<style>body { margin: 8px; display: flex; flex-wrap: wrap; gap: 8px; font: 14px sans-serif; background: #88a }
      figure { margin: 0 } div { ${size}; overflow: hidden } img { width: 100% }</style>${cells.join('')}`);
    await page.evaluate(() => Promise.all([...document.images].map((image) => image.decode().catch(() => {}))));
    await page.screenshot({ path: path.join(work, `sheet-${screen}-${scheme}.png`), fullPage: true });
  }
  await page.close();
}
