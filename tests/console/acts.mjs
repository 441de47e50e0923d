// Acts on a system on this machine by the console, and checks by the API what came of it.

import { mkdirSync } from 'node:fs';
import path from 'node:path';

import { assert, enter, go, openWindow, settled, troubles, until } from './browser.mjs';
import { HOSTILE } from './model.mjs';
import { System, trouble } from './system.mjs';

const JPEG = Buffer.from('/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AVN//2Q==', 'base64');

/** Cases by their sentence, in this order, on one system. */
const CASES = {
  'the queues are shown with the API’s numbers': async ({ page, system }) => {
    const { queues } = await system.call('operator', 'GET', '/queues');
    const photos = queues.find(({ queue }) => queue === 'photos');
    assert(photos.failed === 8 && photos.dead_letters === 4, JSON.stringify(photos));
    await page.getByRole('row', { name: /^photos failing dead letters: 4, 0 allowed/ }).waitFor();
    await page.getByRole('table', { name: 'Queues' }).waitFor();
  },
  'one job is retried by mouse, and its next attempt is on record': async ({ page, system, photos }) => {
    await go(page, '#/queues/photos');
    await page.getByRole('button', { name: `Retry… anna:${photos[0]}` }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Retry 1 job' }).click();
    await page.getByRole('link', { name: 'Watch it' }).click();
    await page.getByRole('table', { name: 'Attempts' }).waitFor();
    const attempts = async () => (await system.call('operator', 'GET', `/jobs/anna/${photos[0]}`)).job.attempts.length;
    await until('it was attempted again', 30, async () => (await attempts()) === 2);
    await until('the console shows it', 15, async () => (await page.getByRole('table', { name: 'Attempts' }).getByRole('row').count()) === 3);
    await until('it has failed again', 30, async () => (await system.failed('photos')).items.some(({ record_id: id }) => id === photos[0]));
  },
  'one job is forgotten by keys alone': async ({ page, system }) => {
    await go(page, '#/queues/photos');
    const first = page.getByRole('table', { name: 'Failed jobs' }).getByRole('checkbox').nth(1);
    await first.focus();
    const id = (await first.getAttribute('aria-label')).replace('Select ', '');
    for (const key of ['f', 'Tab', 'Enter']) await page.keyboard.press(key);
    await page.getByText('1 job forgotten.').waitFor();
    const { items } = await system.failed('photos');
    assert(!items.some((item) => item.id === id), 'it is listed still');
    await until('the focus is in the list', 5, () => page.evaluate(() => document.activeElement?.closest('table')?.caption?.textContent === 'Failed jobs'));
  },
  'a selection is forgotten by mouse': async ({ page, system }) => {
    const boxes = page.getByRole('table', { name: 'Failed jobs' }).getByRole('checkbox');
    await boxes.nth(1).check();
    await boxes.nth(2).check();
    await page.locator('[data-selection]').getByRole('button', { name: 'Forget…' }).click();
    await page.getByRole('dialog', { name: 'Forget 2 failed jobs?' }).getByRole('button', { name: 'Forget 2 jobs' }).click();
    await page.getByText('2 jobs forgotten.').waitFor();
    const records = (await system.failed('photos')).items.filter(({ kind }) => kind === 'record');
    assert(records.length === 5, `${records.length} records are listed`);
  },
  'dead letters show what they are, and one is forgotten': async ({ page, system }) => {
    const table = page.getByRole('table', { name: 'Dead letters' });
    await until('4 letters', 40, async () => (await table.getByRole('row').count()) === 5);
    const { items } = await system.failed('photos');
    const [letter] = items.filter(({ kind }) => kind === 'message');
    await page.getByRole('button', { name: `Forget… ${letter.id}` }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Forget 1 job' }).click();
    await page.getByText('1 job forgotten.').waitFor();
    const left = async () => (await system.failed('photos')).items.filter(({ kind }) => kind === 'message').map(({ id }) => id);
    await until('3 are left', 60, async () => { const ids = await left(); return ids.length === 3 && !ids.includes(letter.id); });
  },
  'all jobs with an error are retried by an operation': async ({ page, system }) => {
    await go(page, '#/queues');
    await go(page, '#/queues/photos');
    const { groups } = await system.failed('photos');
    const { code, count } = groups.find((group) => group.code === 'not_a_photo') ?? groups[0];
    await page.getByRole('button', { name: `Retry… ${code}`, exact: true }).click();
    await page.getByRole('dialog', { name: `Retry ${count} failed job` }).getByRole('button', { name: /^Retry/ }).click();
    await page.getByRole('link', { name: 'Watch the operation' }).click();
    await page.getByText('done', { exact: true }).waitFor({ timeout: 60_000 });
    const id = page.url().split('/').pop();
    const operation = await system.call('operator', 'GET', `/operations/${id}`);
    assert(operation.kind === 'retry' && operation.done === count, JSON.stringify(operation));
    await until('they have failed again', 60, async () => (await system.failed('photos')).items.filter(({ kind }) => kind === 'record').length === count);
  },
  'all jobs of a studio are forgotten by an operation': async ({ page, system }) => {
    await go(page, '#/queues/photos?studio=berta');
    await page.getByRole('button', { name: /^Forget all/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: /^Forget \d/ }).click();
    await page.getByText(/^Forgetting \d jobs?/).waitFor();
    await until('none of berta is listed', 60, async () => (await system.failed('photos', '?studio=berta')).items.length === 0);
    assert((await system.failed('photos', '?studio=anna')).items.length > 0, 'those of anna are gone too');
  },
  'all jobs are forgotten': async ({ page, system }) => {
    await go(page, '#/queues/photos');
    await page.getByRole('button', { name: /^Forget all/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: /^Forget \d/ }).click();
    await until('the list is empty', 90, async () => (await system.failed('photos')).items.length === 0);
    await page.getByText('No job has failed.').waitFor({ timeout: 60_000 });
  },
  'a job that runs is shown with its time': async ({ page, system }) => {
    await system.hangingShop('anna');
    const photo = await system.photo('anna', 'good.jpg', JPEG, 'ready').catch(() => null);
    await go(page, '#/queues/webhooks');
    await page.getByRole('table', { name: 'Running now' }).getByText('send webhook').waitFor({ timeout: 20_000 });
    return photo;
  },
  'an order is found by a hostile reference': async ({ page, system }) => {
    const photo = await system.photo('anna', 'x.jpg', JPEG, 'ready');
    const reference = `${HOSTILE.html} قاعة`;
    await system.call('anna', 'POST', '/orders', { reference, customer: { name: 'Eva', email: 'eva@example.com' }, photo_ids: [photo] });
    await go(page, '#/search');
    await page.getByLabel('Studio').fill('anna');
    await page.getByLabel(/^ID of a record/).fill(reference);
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('table', { name: 'Orders' }).getByRole('link').click();
    await settled(page);
    await page.getByText(reference).first().waitFor();
    assert((await troubles(page, 'desktop')).troubles.length === 0, 'the page has troubles');
  },
  'a queue is paused and resumed, if the API can': async ({ page, system }) => {
    const paused = async () => (await system.call('operator', 'GET', '/queues')).queues.find(({ queue }) => queue === 'emails').paused;
    await go(page, '#/queues/emails');
    if ((await paused()) === undefined) {
      assert((await page.getByRole('button', { name: /^Pause/ }).count()) === 0, 'a button that can do nothing');
      return;
    }
    await page.keyboard.press('p');
    await page.keyboard.press('Enter');
    await until('it is paused', 10, paused);
    await page.getByRole('button', { name: 'Undo' }).click();
    await until('it is resumed', 10, async () => !(await paused()));
  },
};

/** Runs all cases. Returns the number of failures. */
export async function act(browser, binary, work) {
  const shots = path.join(work, 'shots');
  mkdirSync(shots, { recursive: true });
  const system = await System.start(binary, work);
  const photos = await trouble(system);
  const page = await openWindow(browser);
  let failed = 0;
  try {
    await enter(page, system.api);
    await page.screenshot({ path: path.join(shots, 'system-queues.png'), fullPage: true });
    for (const [sentence, run] of Object.entries(CASES)) {
      try {
        await run({ page, system, photos });
      } catch (error) {
        failed += 1;
        console.log(`FAILED ${sentence}: ${error.message.split('\n')[0]}`);
      }
      await page.screenshot({ path: path.join(shots, `system-${sentence.slice(0, 30).replaceAll(/\W+/g, '-')}.png`), fullPage: true });
      await page.keyboard.press('Escape');
    }
    if (page.complaints.length) {
      failed += 1;
      console.log(`FAILED without complaints: ${page.complaints.join('; ')}`);
    }
    failed += await weigh(browser, system);
  } finally {
    await page.context().close();
    system.stop();
  }
  console.log(`${Object.keys(CASES).length} cases of acting`);
  return failed;
}

/** Reports what the page weighs at first and when it is known. */
async function weigh(browser, system) {
  const page = await openWindow(browser);
  await page.goto(`${system.api}/console`);
  const measure = () => page.evaluate(() => {
    const all = [performance.getEntriesByType('navigation')[0], ...performance.getEntriesByType('resource')];
    return { files: all.length, bytes: all.reduce((sum, one) => sum + one.transferSize, 0) };
  });
  await page.getByRole('button', { name: 'Sign in as operator' }).waitFor();
  const first = await measure();
  await page.reload();
  await page.getByRole('button', { name: 'Sign in as operator' }).waitFor();
  const again = await measure();
  await page.context().close();
  console.log(`the page: ${first.files} files, ${first.bytes} bytes at first, ${again.bytes} when they are known`);
  return first.bytes > 64 * 1024 ? 1 : 0;
}
