// Opens pages of a console with many failed and running jobs: the time until the first paint, and until the data is shown,
// and the records that the API reads for what the page shows.

import { enter, go, openWindow, settled } from './browser.mjs';

const ROUNDS = 5;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Opens each page several times. Returns the number of pages without data. */
export async function load(browser, api, reads, record) {
  const pages = [
    ['queues', '#/queues'],
    ['queue', '#/queues/photos'],
    ['queue, one error', '#/queues/photos?error=damaged_3'],
    ['queue, one studio', '#/queues/photos?studio=studio-7'],
    ['record', `#/records/${record}`],
    ['studios', '#/studios'],
    ['operations', '#/operations'],
  ];
  const take = async () => (await fetch(`${reads}/_reads`)).json();
  let failed = 0;
  console.log(['page'.padEnd(20), ...['first paint', 'data shown', 'rows shown', 'records read', 'requests'].map((head) => head.padStart(14))].join(''));
  for (const [name, address] of pages) {
    const rounds = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const page = await openWindow(browser);
      await enter(page, api, '#/search');
      const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
      await take();
      const begun = performance.now();
      await go(page, address);
      await settled(page);
      const shown = performance.now() - begun;
      const rows = await page.locator('main tbody tr').count();
      if (/not available|unavailable|could not/i.test(await page.locator('main').textContent())) failed += 1;
      rounds.push({ paint, shown, rows, ...(await take()) });
      await page.context().close();
    }
    const of = (field) => median(rounds.map((one) => one[field]));
    const cells = [`${of('paint').toFixed(0)} ms`, `${of('shown').toFixed(0)} ms`, of('rows'), of('records'), of('requests')];
    console.log([name.padEnd(20), ...cells.map((cell) => String(cell).padStart(14))].join(''));
  }
  return failed;
}
