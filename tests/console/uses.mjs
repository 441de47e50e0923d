// Uses the console as an operator does, by mouse and by keyboard, against the model of the API.

import { assert, enter, go, settled, until } from './browser.mjs';
import { runCases } from './cases.mjs';
import { HOSTILE, manyGroups } from './model.mjs';

/** Windows at a time: cases wait more than they compute. */
const LANES = 5;

/** Cases by their sentence. Each has a window that is signed in, and a model of its own. */
const CASES = {
  'a queue is paused, and an undo resumes it': async ({ page, model }) => {
    await page.getByRole('button', { name: 'Pause… photos' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Pause photos' }).click();
    await page.getByText('photos is paused.').waitFor();
    assert(model.requests[0].path === '/queues/photos/pause' && model.requests[0].key, 'no request');
    await page.getByRole('row', { name: /^photos paused/ }).waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await until('the queue is resumed', 5, () => model.requests.at(-1).path === '/queues/photos/resume');
  },
  'a queue is paused by keys alone, and Escape changes nothing': async ({ page, model }) => {
    await page.keyboard.press('j');
    await page.keyboard.press('p');
    await page.getByRole('dialog', { name: 'Pause emails?' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert(model.requests.length === 0, 'Escape paused the queue');
    await page.keyboard.press('p');
    await page.keyboard.press('Enter');
    await page.getByText('emails is paused.').waitFor();
    assert(model.requests.length === 1, 'not one request');
  },
  'a refusal of the API is shown in the dialog': async ({ page, model }) => {
    model.state.refuse = (method) => method === 'POST' && [409, { title: 'Conflict', status: 409, detail: 'This queue is not paused now.' }];
    await page.getByRole('button', { name: 'Pause… photos' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Pause photos' }).click();
    await page.getByRole('dialog').getByRole('alert').getByText('This queue is not paused now.').waitFor();
  },
  'one job is retried by mouse': async ({ page, model }) => {
    await go(page, '#/queues/photos');
    const row = page.getByRole('table', { name: 'Failed jobs' }).getByRole('row').nth(1);
    await row.getByRole('button', { name: /^Retry/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Retry 1 job' }).click();
    await page.getByText('1 job retried.').waitFor();
    assert(model.requests[0].body.ids.length === 1, 'not one id');
  },
  'a selection is retried by keys alone, and the focus stays in the list': async ({ page, model }) => {
    await go(page, '#/queues/photos');
    await page.getByRole('table', { name: 'Failed jobs' }).getByRole('checkbox').nth(1).focus();
    for (const key of ['x', 'j', 'x', 'j', 'x']) await page.keyboard.press(key);
    await page.getByText('3 selected').waitFor();
    await page.keyboard.press('r');
    await page.getByRole('dialog', { name: 'Retry 3 failed jobs?' }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByText('3 jobs retried.').waitFor();
    assert(model.requests[0].body.ids.length === 3, 'not three ids');
    const inTable = () => page.evaluate(() => document.activeElement?.closest('table')?.caption?.textContent === 'Failed jobs');
    await until('the focus is in the list', 5, inTable);
  },
  '120 selected jobs are retried by two requests': async ({ page, model }) => {
    await go(page, '#/queues/photos');
    const section = page.getByRole('region', { name: 'Failed jobs' });
    while (await section.getByRole('button', { name: 'Show more' }).count()) {
      await section.getByRole('button', { name: 'Show more' }).click();
      await page.waitForTimeout(300);
    }
    await section.getByRole('checkbox', { name: 'Select all shown' }).check();
    await section.getByRole('button', { name: 'Retry…', exact: true }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'Retry 143 jobs' }).click();
    await page.getByText('143 jobs retried.').waitFor();
    assert(model.requests.map(({ body }) => body.ids.length).join() === '100,43', 'not two requests');
  },
  'a selection is forgotten, with the focus on Cancel at first': async ({ page, model }) => {
    await go(page, '#/queues/photos');
    const boxes = page.getByRole('table', { name: 'Failed jobs' }).getByRole('checkbox');
    for (const n of [1, 2, 3, 4, 5]) await boxes.nth(n).check();
    await page.locator('[data-selection]').getByRole('button', { name: 'Forget…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Forget 5 failed jobs?' });
    await dialog.getByText('This cannot be undone.').waitFor();
    assert(await dialog.getByRole('button', { name: 'Cancel' }).evaluate((button) => button === document.activeElement), 'the focus is not on Cancel');
    await dialog.getByRole('button', { name: 'Forget 5 jobs' }).click();
    await page.getByText('5 jobs forgotten.').waitFor();
    assert(model.requests.length === 5 && model.requests.every(({ method }) => method === 'DELETE'), 'not five requests');
  },
  'all jobs with an error are retried by an operation, which is watched to its end': async ({ page, model }) => {
    model.state.operationTakes = 3000;
    await go(page, '#/queues/photos');
    await page.getByRole('button', { name: 'Retry… damaged' }).click();
    await page.getByRole('dialog', { name: 'Retry 42 failed jobs?' }).getByRole('button', { name: 'Retry 42 jobs' }).click();
    await page.getByRole('link', { name: 'Watch the operation' }).click();
    await page.getByText('42 of 42').waitFor();
    assert(JSON.stringify(model.requests[0].body) === '{"error":"damaged"}', 'another selection');
    await go(page, '#/operations');
    await page.getByRole('row', { name: /done/ }).waitFor();
  },
  'all jobs are forgotten': async ({ page, model }) => {
    await go(page, '#/queues/photos');
    await page.getByRole('button', { name: 'Forget all 148…' }).click();
    await page.getByRole('dialog', { name: 'Forget all 148 failed jobs?' }).getByRole('button', { name: 'Forget 148 jobs' }).click();
    await page.getByText('Forgetting 148 jobs.').waitFor();
    assert(model.requests[0].path === '/queues/photos/failed?all=true', model.requests[0].path);
    await page.getByText('No job has failed.').waitFor();
  },
  'a refresh keeps focus, selection, what is open and what is typed': async ({ page, model }) => {
    await go(page, '#/queues/photos');
    const table = page.getByRole('table', { name: 'Failed jobs' });
    await table.getByRole('checkbox').nth(3).check();
    await page.locator('details.letter summary').nth(1).click();
    const name = await table.getByRole('button', { name: /^Retry/ }).nth(4).textContent();
    await table.getByRole('button', { name: /^Retry/ }).nth(4).focus();
    model.state.failed.photos = model.state.failed.photos.filter((_, n) => n !== 6);
    model.state.queues[2].failed = 142;
    await page.getByText('142', { exact: true }).first().waitFor({ timeout: 8000 });
    assert(await page.evaluate((name) => document.activeElement.textContent === name, name), 'the focus has moved');
    assert(await table.getByRole('checkbox').nth(2).isChecked(), 'the selection is lost');
    assert(await page.locator('details.letter').nth(1).evaluate((details) => details.open), 'the letter is closed');
  },
  'texts of records are texts': async ({ page }) => {
    await go(page, '#/queues/photos');
    await page.getByText(HOSTILE.html).first().waitFor();
    await go(page, '#/studios');
    await page.getByText(HOSTILE.html).first().waitFor();
    await page.getByText('gpj.exe').first().waitFor();
    assert(!(await page.evaluate(() => globalThis.harmed)), 'a script ran');
    assert((await page.locator('main img').count()) === 0, 'an image was made');
  },
  'a record is found by its id, and an order by a hostile reference': async ({ page, model }) => {
    await page.keyboard.press('/');
    await settled(page);
    await page.getByLabel('Studio').fill('anna');
    await page.getByLabel(/^ID of a record/).fill(Object.keys(model.state.stories)[0]);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /^Record/, level: 1 }).waitFor();
    await page.getByRole('table', { name: 'Timeline' }).waitFor();
    await go(page, '#/search');
    await page.getByLabel('Studio').fill('anna');
    await page.getByLabel(/^ID of a record/).fill(HOSTILE.rtl);
    await page.keyboard.press('Enter');
    await page.getByRole('table', { name: 'Orders' }).waitFor();
  },
  '10,000 errors are shown at once and filtered': async ({ page, model }) => {
    model.state.groups = { photos: manyGroups(10_000) };
    const started = Date.now();
    await go(page, '#/queues/photos');
    const took = Date.now() - started;
    assert(took < 4000, `10,000 errors took ${took} ms`);
    assert((await page.getByRole('table', { name: 'Errors' }).getByRole('row').count()) === 51, 'not 50 are shown');
    await page.getByLabel('Filter the errors').fill('error_9876');
    await until('one is left', 3, async () => (await page.getByRole('table', { name: 'Errors' }).getByRole('row').count()) === 2);
  },
  'numbers of the last sweep are shown with their time': async ({ page, model }) => {
    model.state.countedAt = new Date(Date.now() - 120_000).toISOString();
    model.state.groups = { photos: manyGroups(3).map((group) => ({ ...group, count: 40_000 })) };
    await go(page, '#/queues/photos');
    await page.getByText(/^Counted at \d\d:\d\d/).waitFor();
    await page.getByRole('button', { name: 'Retry all 120,000…' }).click();
    await page.getByRole('dialog').getByText(/^There were so many at \d\d:\d\d/).waitFor();
    await page.keyboard.press('Escape');
    await go(page, '#/queues/photos?studio=anna');
    await page.getByText(/^Only the studio/).waitFor();
    assert((await page.getByText(/^Counted at/).count()) === 0, 'the groups of one studio are counted by the request');
  },
  'a body of 1 MiB is shown in part': async ({ page }) => {
    await go(page, '#/queues/photos');
    const letter = page.locator('details.letter', { hasText: '1.0 MiB' });
    await letter.locator('summary').click();
    assert((await letter.locator('pre').textContent()).length === 4096, 'more than the first 4 KiB');
    await page.getByText('86.3 KiB that are no text').waitFor();
  },
  'nothing is asked while the window is hidden or not live': async ({ page, model }) => {
    await page.getByLabel('Live').uncheck();
    await page.waitForTimeout(300);
    const before = model.seen.length;
    await page.waitForTimeout(6000);
    assert(model.seen.length === before, `${model.seen.length - before} requests while not live`);
    await page.getByLabel('Live').check();
    await until('it asks again', 2, () => model.seen.length > before);
    await page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { value: true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await page.waitForTimeout(300);
    const hidden = model.seen.length;
    await page.waitForTimeout(6000);
    assert(model.seen.length === hidden, 'requests while hidden');
  },
  'an outage keeps what was shown, and says so': async ({ page, model }) => {
    model.state.refuse = () => [503, { title: 'Busy', status: 503, detail: 'A service of AWS is not available.' }];
    await page.getByRole('alert').getByText('A service of AWS is not available. Shown is what was so at').waitFor({ timeout: 8000 });
    assert((await page.getByRole('table', { name: 'Queues' }).count()) === 1, 'the table is gone');
    model.state.refuse = null;
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('alert').waitFor({ state: 'detached' });
  },
  'a session that ended is signed in again, at the same page': async ({ page, model }) => {
    await go(page, '#/studios');
    model.state.refuse = () => [401, { message: 'Unauthorized' }];
    await page.getByText('Your session has ended.').waitFor({ timeout: 20_000 });
    model.state.refuse = null;
    await page.getByRole('button', { name: 'Sign in as operator' }).click();
    await page.getByRole('heading', { name: 'Studios by load' }).waitFor();
  },
  'each page has a title of its own, and a new page has the focus on its heading': async ({ page }) => {
    const titles = new Set();
    for (const address of ['#/queues', '#/queues/photos', '#/operations', '#/studios', '#/search']) {
      await go(page, address);
      titles.add(await page.title());
      assert(await page.evaluate(() => document.activeElement.localName === 'h1'), `${address}: the focus is elsewhere`);
    }
    assert(titles.size === 5, [...titles].join());
  },
};

/** Runs all cases. Returns the number of failures. */
export async function use(browser, folder) {
  return runCases(browser, folder, CASES, { width: LANES, what: 'use', open: enter });
}
