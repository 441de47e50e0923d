// Shows each page on each screen in each colour scheme: screenshots, axe-core, and what must hold on all of them.

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { assert } from './system.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** WCAG 2.2, success criterion 2.5.5: smallest width and height of a target, in CSS pixels. */
const TARGET = 44;
/** WCAG 2.2, success criterion 1.4.10: width at which no page may need to be scrolled sideways. */
const NARROW = 320;

export const SCREENS = {
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  desktop: { viewport: { width: 1280, height: 800 } },
};
/** Troubles of a page that are printed. */
const SHOWN = 3;
const SCHEMES = ['light', 'dark'];

/** Complaints of a page: its console, its errors, its Content-Security-Policy. */
export function complaintsOf(page) {
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`script: ${error.message}`));
  page.on('console', (message) => {
    const isStatus = /^Failed to load resource: the server responded with a status of [45]/.test(message.text());
    if (message.type() === 'error' && !(isStatus && message.location().url === page.url())) {
      complaints.push(`console: ${message.text().slice(0, 160)} (${message.location().url.slice(0, 80)})`);
    }
  });
  return complaints;
}

/** Reports violations of a Content-Security-Policy to the console. */
export const REPORT_VIOLATIONS = `addEventListener('securitypolicyviolation', (event) =>
  console.error('Content-Security-Policy: ' + event.violatedDirective + ' ' + event.blockedURI))`;

/** Shows all pages. Returns the number of failures; prints a table of the states. */
export async function look(browser, pages, work) {
  const shots = path.join(work, 'shots');
  mkdirSync(shots, { recursive: true });
  const renderings = Object.keys(SCREENS).flatMap((screen) => SCHEMES.map((scheme) => ({ screen, scheme })));
  const found = await Promise.all(renderings.map((rendering) => lookAll(browser, pages, shots, rendering)));
  const names = [...new Set(pages.map(({ name }) => name))];
  console.log(`\n${pages.length} pages of ${names.length} states; violations that axe-core finds`);
  console.log(['state'.padEnd(20), ...renderings.map(({ screen, scheme }) => `${screen} ${scheme}`.padStart(14))].join(''));
  for (const name of names) {
    const counts = found.map((all) => all.filter((one) => one.name === name).reduce((sum, one) => sum + one.violations, 0));
    console.log([name.padEnd(20), ...counts.map((count) => String(count).padStart(14))].join(''));
  }
  const troubled = found.flat().filter(({ troubles }) => troubles.length > 0);
  for (const { label, troubles } of troubled) {
    console.log(`FAILED ${label}: ${troubles.slice(0, SHOWN).join('; ')}${troubles.length > SHOWN ? `; ${troubles.length} in all` : ''}`);
  }
  await sheets(browser, pages, shots, work, renderings);
  return troubled.length;
}

async function lookAll(browser, pages, shots, { screen, scheme }) {
  const context = await browser.newContext({ ...SCREENS[screen], colorScheme: scheme, serviceWorkers: 'block' });
  await context.addInitScript(REPORT_VIOLATIONS);
  // A page that starts a download stays as it is.
  await context.route('**/file/*', (route) => route.fulfill({ status: 204 }));
  const results = [];
  for (const shown of pages) {
    const label = `${shown.name} ${shown.language} ${screen} ${scheme}`;
    const page = await context.newPage();
    const complaints = complaintsOf(page);
    await page.route((url) => url.href === shown.url, (route) => route.fulfill(shown));
    await page.goto(shown.url, { waitUntil: 'commit' });
    await page.waitForFunction(() => document.readyState !== 'loading');
    await page.evaluate(`(${loadAll})()`);
    const troubles = await page.evaluate(`(${inspect})(${SCREENS[screen].viewport.width}, ${screen === 'phone' ? TARGET : 0})`);
    await page.screenshot({ path: path.join(shots, `${label.replaceAll(' ', '-')}.jpg`), type: 'jpeg', fullPage: true });
    const violations = shown.language === pages[0].language ? await violationsOf(page) : [];
    for (const { id, nodes } of violations) troubles.push(`axe ${id}: ${nodes[0].html.slice(0, 120)} ${nodes[0].failureSummary.replace(/\s+/g, ' ').slice(0, 160)}`);
    if (screen === 'phone' && scheme === 'light') troubles.push(...(await enlarge(page, shots, label)));
    troubles.push(...complaints);
    results.push({ name: shown.name, label, troubles, violations: violations.length });
    await page.close();
  }
  await context.close();
  return results;
}

/** Returns what axe-core finds. Languages differ in words only, so one is enough. */
export async function violationsOf(page) {
  await page.evaluate(AXE);
  return (await page.evaluate(() => globalThis.axe.run())).violations;
}

/** Shows the page on a narrow screen, with text of twice the size, and as it is printed. Returns what is wrong. */
async function enlarge(page, shots, label) {
  const troubles = [];
  const wide = async (what, width) => {
    const needs = await page.evaluate('document.documentElement.scrollWidth');
    if (needs > width) troubles.push(`${what}: ${needs} px wide on a screen of ${width}`);
  };
  const { width, height } = page.viewportSize();
  await page.setViewportSize({ width: NARROW, height });
  await wide('narrow', NARROW);
  await page.setViewportSize({ width, height });
  await page.addStyleTag({ content: 'html { font-size: 200% }' });
  await wide('text of 200 %', width);
  const isShown = /^(ready|ready-volumes|photo|pin|started-hostile) de /.test(label);
  const shoot = (how) => page.screenshot({ path: path.join(shots, `${label.replaceAll(' ', '-')}-${how}.jpg`), type: 'jpeg', fullPage: true });
  if (isShown) await shoot('200');
  await page.addStyleTag({ content: 'html { font-size: 100% !important }' });
  await page.emulateMedia({ media: 'print' });
  if (isShown) await shoot('print');
  return troubles;
}

/** In the page: loads all pictures, also those that are far below. */
async function loadAll() {
  for (const image of document.images) image.loading = 'eager';
  await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
}

/** In the page: returns what is wrong on a screen of this width, whose targets need so many pixels. */
function inspect(width, target) {
  const troubles = [];
  const needs = document.documentElement.scrollWidth;
  if (needs > width) troubles.push(`${needs} px wide on a screen of ${width}`);
  if (document.querySelectorAll('h1').length !== 1) troubles.push('not one h1');
  if (!document.title) troubles.push('no title');
  for (const image of document.images) if (!image.naturalWidth) troubles.push(`no picture: ${image.alt}`);
  for (const element of document.querySelectorAll('a, button, input, summary')) {
    const { width: across, height } = element.getBoundingClientRect();
    const name = `${element.localName} "${(element.textContent || element.id).trim().slice(0, 40)}"`;
    if (height && (across < target || height < target)) {
      troubles.push(`target ${name}: ${Math.round(across)} x ${Math.round(height)} px`);
    }
    if (element.scrollWidth > element.clientWidth + 1 && element.matches('button, .button')) troubles.push(`text leaves ${name}`);
  }
  return troubles;
}

/** Draws contact sheets of the screenshots, one for each language and rendering. */
async function sheets(browser, pages, shots, work, renderings) {
  const page = await browser.newPage({ viewport: { width: 1800, height: 1000 } });
  const languages = [...new Set(pages.map(({ language }) => language))];
  for (const { screen, scheme } of renderings) {
    for (const language of languages) {
      const cells = pages
        .filter((shown) => shown.language === language)
        .map(({ name }) => {
          const file = path.join(shots, `${name}-${language}-${screen}-${scheme}.jpg`);
          return `<figure><figcaption>${name}</figcaption><div><img src="data:image/jpeg;base64,${readFileSync(file, 'base64')}"></div></figure>`;
        });
      const size = screen === 'phone' ? 'width: 280px; height: 560px' : 'width: 430px; height: 300px';
      await page.setContent(`<style>body { margin: 8px; display: flex; flex-wrap: wrap; gap: 8px; font: 14px sans-serif; background: #88a }
        figure { margin: 0 } div { ${size}; overflow: hidden } img { width: 100% }</style>${cells.join('')}`);
      await page.evaluate(`(${loadAll})()`);
      await page.screenshot({ path: path.join(work, `sheet-${language}-${screen}-${scheme}.png`), fullPage: true });
    }
  }
  await page.close();
  assert(languages.length > 0, 'no pages were shown');
}
