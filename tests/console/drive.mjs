// Looks at the operators' console in Chromium, and uses it: against a model of the API, and a system on this machine.
//
//     node drive.mjs --files DIR --work DIR [--local BINARY] [--chromium PATH] [--only looks,uses,signs-in,acts] [--pages NAME,…]
//     node drive.mjs --only load --work DIR --api URL --reads URL --record STUDIO/ID    # run by the bench `console`

import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { chromium } from 'playwright-core';

import { look } from './looks.mjs';

const PARTS = {
  looks: (browser, flags) => look(browser, flags.files, flags.work, flags.pages),
  uses: async (browser, flags) => (await import('./uses.mjs')).use(browser, flags.files),
  'signs-in': async (browser, flags) => (await import('./signs_in.mjs')).signIn(browser, flags.files),
  load: async (browser, flags) => (flags.api ? (await import('./load.mjs')).load(browser, flags.api, flags.reads, flags.record) : 0),
  acts: async (browser, flags) => (await import('./acts.mjs')).act(browser, flags.local, flags.work),
};
const { values: flags } = parseArgs({
  options: {
    files: { type: 'string' },
    local: { type: 'string' },
    work: { type: 'string' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
    only: { type: 'string' },
    pages: { type: 'string' },
    api: { type: 'string' },
    reads: { type: 'string' },
    record: { type: 'string' },
  },
});

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

const started = Date.now();
const say = (what) => console.log(`${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s  ${what}`);

mkdirSync(flags.work, { recursive: true });
const browser = await chromium.launch({ executablePath: flags.chromium, args: ['--no-sandbox'] });
let failed = 0;
try {
  for (const [name, part] of Object.entries(PARTS)) {
    if (flags.only && !flags.only.split(',').includes(name)) continue;
    failed += await part(browser, flags);
    say(name);
  }
} finally {
  await browser.close();
}
say(failed ? `${failed} FAILED` : 'all good');
process.exit(failed ? 1 : 0);
