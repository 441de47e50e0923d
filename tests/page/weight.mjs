// Weighs the page of 100 of 400 photos, and measures how soon a slow phone shows it.

import { randomBytes } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';

import { SCREENS } from './looks.mjs';

/** Limits: bytes of the compressed page, and milliseconds from its first byte until its first row of thumbnails is shown. */
const [MAX_BYTES, MAX_MILLISECONDS] = [60_000, 1_000];
/** Characters of the session token of a Lambda function's role, which is in each presigned URL. The local system has none. */
const TOKEN = 1_000;
/** Slowdown of the CPU, by which browsers' tools imitate a phone of the middle class. */
const SLOWDOWN = 4;
const RUNS = 3;

/** Returns the number of limits that are exceeded: of bytes, and of time if the machine is idle. */
export async function weigh(browser, { many }, { judgesTime }) {
  const answer = await rawPage(many.link);
  const token = encodeURIComponent(randomBytes(TOKEN).toString('base64').slice(0, TOKEN));
  const html = gunzipSync(answer).toString();
  const urls = html.match(/X-Amz-Algorithm=/g).length;
  const withToken = html.replaceAll('X-Amz-Algorithm=', `X-Amz-Security-Token=${token}&amp;X-Amz-Algorithm=`);
  const bytes = gzipSync(withToken, { level: 6 }).length;
  const runs = [];
  for (let run = 0; run < RUNS; run++) runs.push(await paint(browser, many.link));
  runs.sort((a, b) => a.row - b.row);
  const { answered, paint: painted, row, pictures } = runs[Math.floor(RUNS / 2)];
  const isLight = bytes <= MAX_BYTES;
  const isFast = !judgesTime || Math.max(row, painted) - answered <= MAX_MILLISECONDS;
  console.log(`\nThe page of 100 of 400 photos, ${urls} presigned URLs`);
  console.log(`HTML               ${html.length} bytes, with gzip ${answer.length}`);
  console.log(`with session token ${withToken.length} bytes, with gzip ${bytes} of ${MAX_BYTES}${isLight ? '' : ' FAILED'}`);
  console.log(
    `CPU ${SLOWDOWN} times slower  first paint ${painted - answered} ms, the ${pictures} thumbnails of the first row ${row - answered} ms of ` +
      `${MAX_MILLISECONDS} after the answer, which an unoptimised build gives after ${answered} ms (the middle of ${RUNS} visits)${isFast ? '' : ' FAILED'}`,
  );
  return !isLight + !isFast;
}

/** Returns the compressed bytes of a page, which `fetch` would unpack. */
async function rawPage(link) {
  const http = await import('node:http');
  return new Promise((resolve, reject) => {
    const headers = { accept: 'text/html', 'accept-encoding': 'gzip' };
    http
      .get(link, { headers }, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => {
          const encoding = response.headers['content-encoding'];
          if (encoding === 'gzip') resolve(Buffer.concat(chunks));
          else reject(new Error(`the page comes as ${encoding}`));
        });
      })
      .on('error', reject);
  });
}

/** Opens the page with an empty cache. Returns milliseconds from the click. */
async function paint(browser, link) {
  const context = await browser.newContext(SCREENS.phone);
  const page = await context.newPage();
  const client = await context.newCDPSession(page);
  await client.send('Emulation.setCPUThrottlingRate', { rate: SLOWDOWN });
  await page.addInitScript(() => {
    addEventListener('DOMContentLoaded', async () => {
      const thumbs = [...document.querySelectorAll('.grid img')];
      const top = thumbs[0].getBoundingClientRect().top;
      const row = thumbs.filter((thumb) => thumb.getBoundingClientRect().top === top);
      await Promise.all(row.map((thumb) => thumb.decode()));
      globalThis.measured = { row: Math.round(performance.now()), pictures: row.length };
    });
  });
  await page.goto(link, { waitUntil: 'commit' });
  await page.waitForFunction(() => globalThis.measured && performance.getEntriesByName('first-contentful-paint').length);
  const measured = await page.evaluate(() => ({
    ...globalThis.measured,
    answered: Math.round(performance.getEntriesByType('navigation')[0].responseStart),
    paint: Math.round(performance.getEntriesByName('first-contentful-paint')[0].startTime),
  }));
  await context.close();
  return measured;
}
