// Looks at the customer's page in Chromium against a system on this machine.
//
//     node drive.mjs --local BINARY --work DIR [--chromium PATH] [--only looks|downloads|weight|emails] [--language en|de|fr]

import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { chromium } from 'playwright-core';

import { downloadAll } from './downloads.mjs';
import { draw } from './drawings.mjs';
import { lookAtEmails } from './emails.mjs';
import { look } from './looks.mjs';
import { BEHIND, makeStates } from './states.mjs';
import { System } from './system.mjs';
import { weigh } from './weight.mjs';

const { values: flags } = parseArgs({
  options: {
    local: { type: 'string' },
    work: { type: 'string' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
    only: { type: 'string' },
    language: { type: 'string' },
  },
});

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

const started = Date.now();
const say = (what) => console.log(`${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s  ${what}`);

mkdirSync(flags.work, { recursive: true });
// Kept pages come from the test, not from loopback, from where Chromium would load no pictures of loopback.
const args = ['--no-sandbox', '--disable-features=LocalNetworkAccessChecks'];
const browser = await chromium.launch({ executablePath: flags.chromium, args });
let failed = 0;
const runs = (part) => !flags.only || flags.only === part;
try {
  if (runs('emails')) failed += await lookAtEmails(browser, flags.local, flags.work);
  if (flags.only !== 'emails') failed += await lookAtPages();
} finally {
  await browser.close();
}
say(failed ? `${failed} FAILED` : 'all good');
process.exit(failed ? 1 : 0);

/** Looks at the pages of a system. Returns the number of failures. */
async function lookAtPages() {
  const system = await System.start(flags.local, flags.work, -BEHIND);
  let failed = 0;
  const drawings = await draw(browser);
  say('photos are drawn');
  const made = await makeStates(system, drawings);
  say(`${made.pages.length} pages of all states`);
  const pages = made.pages.filter(({ language }) => !flags.language || language === flags.language);
  // Beside other work the time says nothing about the page.
  if (runs('weight')) failed += await weigh(browser, made, { judgesTime: flags.only === 'weight' });
  if (runs('downloads')) failed += await downloadAll(browser, made, drawings.photos);
  if (runs('looks')) failed += await look(browser, pages, flags.work);
  return failed;
}
