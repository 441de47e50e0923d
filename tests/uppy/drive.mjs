// Drives the example page of examples/uppy in Chromium against a system on this machine, through a proxy with faults.
//
//     node drive.mjs --page DIR --local BINARY --work DIR [--campaign N] [--seed N] [--only 5|6] [--check NAME]

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { chromium } from 'playwright-core';

import { CHECKS } from './checks.mjs';
import { draw } from './photos.mjs';
import { Proxy } from './proxy.mjs';
import { Site } from './site.mjs';
import { assert, Studio, until, Visit } from './visit.mjs';

const { values: flags } = parseArgs({
  options: {
    page: { type: 'string' },
    local: { type: 'string' },
    work: { type: 'string' },
    campaign: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    check: { type: 'string' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
  },
});

/** Starts the system. Returns its addresses. */
async function startSystem(origin) {
  const args = ['serve', '--data', path.join(flags.work, 'data'), '--port', '0', '--aws-port', '0', '--cors', origin];
  const child = spawn(flags.local, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  const address = (name) => new RegExp(`^  ${name} +(http://\\S+)`, 'm').exec(said)?.[1];
  await until('the system starts', 60, () => child.exitCode !== null || /Ctrl-C/.test(said));
  assert(child.exitCode === null, `the system ended: ${said}`);
  return { api: address('API'), s3: address('AWS'), stop: () => child.kill('SIGINT') };
}

async function main() {
  const site = await Site.start(flags.page);
  const system = await startSystem(site.origin);
  const { api, s3 } = system;
  site.allow(api, s3);
  const place = (url) => new URL(url).host;
  const proxy = await Proxy.start({ [place(site.origin)]: 'page', [place(api)]: 'api', [place(s3)]: 's3' });
  const browser = await chromium.launch({
    executablePath: flags.chromium,
    args: ['--no-sandbox'],
    proxy: { server: proxy.url, bypass: '<-loopback>' },
  });
  let failed = 0;
  try {
    const drawing = await browser.newPage();
    const drawings = await draw(drawing, Array.from({ length: 20 }, (_, n) => n + 1));
    await drawing.close();
    for (const version of [5, 6].filter((version) => !flags.only || Number(flags.only) === version)) {
      for (const { name, multipartFrom, run } of CHECKS) {
        if (flags.check && flags.check !== name) continue;
        const started = Date.now();
        const label = `uppy${version}-${name.replaceAll(' ', '-')}`;
        const studio = new Studio(api, label.toLowerCase());
        const open = () => Visit.open(browser, site, studio, { version, multipartFrom, work: flags.work });
        proxy.reset();
        let visit;
        let said;
        try {
          visit = await open();
          said = await run({ visit, studio, proxy, version, label, drawings, work: flags.work, flags });
          await visit.close();
        } catch (error) {
          failed++;
          const trouble = await visit?.trouble().catch(() => '');
          said = `FAILED: ${error.message.split('\n')[0]} ${trouble ? `(${trouble})` : ''}`;
          await visit?.screenshot(`${label}-failed`).catch(() => {});
          await visit?.context.close();
        }
        console.log(`Uppy ${version}: ${name}: ${said} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
      }
    }
  } finally {
    await browser.close();
    proxy.close();
    site.close();
    system.stop();
  }
  process.exitCode = failed ? 1 : 0;
}

mkdirSync(flags.work, { recursive: true });
await main();
