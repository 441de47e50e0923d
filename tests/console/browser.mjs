// Chromium windows with the console: signed in, at a page, with what is wrong with it.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const SCREENS = {
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
  desktop: { viewport: { width: 1280, height: 800 } },
};
export const SCHEMES = ['light', 'dark'];
/** WCAG 2.2, success criterion 2.5.8: smallest width and height of a target, in CSS pixels. On a phone more is asked of buttons. */
const TARGETS = { phone: 40, desktop: 24 };

export function assert(holds, sentence) {
  if (!holds) throw new Error(sentence);
}

/** Waits until a function returns something true, and returns it. */
export async function until(what, seconds, ask) {
  for (const end = Date.now() + 1000 * seconds; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const found = await ask();
    if (found) return found;
  }
  throw new Error(`${what}: not within ${seconds} s`);
}

/** Calls a function for each item, at most `width` at a time. Returns the results in order. */
export async function parallel(width, items, call) {
  const results = [];
  const queue = items.entries();
  const lane = async () => {
    for (const [n, item] of queue) results[n] = await call(item);
  };
  await Promise.all(Array.from({ length: width }, lane));
  return results;
}

/** Opens a window. `page.complaints` has errors of scripts and violations of the Content-Security-Policy. */
export async function openWindow(browser, options = {}) {
  const context = await browser.newContext({ ...SCREENS.desktop, serviceWorkers: 'block', ...options });
  await context.addInitScript(`addEventListener('securitypolicyviolation', (event) =>
    console.error('Content-Security-Policy: ' + event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample))`);
  const page = await context.newPage();
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(`script: ${error.message}`));
  page.on('console', (message) => {
    const isStatus = /^Failed to load resource: the server responded with a status of [45]/.test(message.text());
    if (message.type() === 'error' && !isStatus) page.complaints.push(`console: ${message.text().slice(0, 200)}`);
  });
  return page;
}

/** Opens the console on a deployment of one machine, and signs in. */
export async function enter(page, url, address = '#/queues') {
  await page.goto(`${url}/console${address}`);
  await page.getByRole('button', { name: 'Sign in as operator' }).click();
  await settled(page);
}

/** Goes to a page of the console. */
export async function go(page, address) {
  await page.evaluate((hash) => { location.hash = hash; }, address);
  await settled(page);
}

/** Waits until the page shows its data. */
export async function settled(page) {
  await page.waitForFunction(() => document.querySelector('h1') && !/Loading…/.test(document.querySelector('main').textContent));
}

/** Returns what is wrong with the page as it is shown. */
export async function troubles(page, screen) {
  const found = await page.evaluate(`(${inspect})(${JSON.stringify({ width: SCREENS[screen].viewport.width, target: TARGETS[screen] })})`);
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ['violations'] }));
  for (const { id, nodes } of violations) found.push(`axe ${id} (${nodes.length}): ${nodes[0].html.slice(0, 140)} ${nodes[0].failureSummary.replace(/\s+/g, ' ').slice(0, 220)}`);
  return { troubles: [...found, ...page.complaints], violations: violations.length };
}

/** In the page: returns what is wrong on a screen of this width, whose buttons have at least this size. */
function inspect({ width, target }) {
  const found = [];
  const needs = document.documentElement.scrollWidth;
  if (needs > width) {
    const widest = [...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > width + 1 && !one.closest('svg, .unseen'));
    found.push(`${needs} px wide on a screen of ${width}: ${widest.slice(-1)[0]?.outerHTML.slice(0, 120)}`);
  }
  if (document.querySelectorAll('h1').length !== 1) found.push('not one h1');
  if (!/ – Darkroom console$/.test(document.title)) found.push(`title: ${document.title}`);
  for (const element of document.querySelectorAll('button:not(.link), nav a')) {
    const { width: across, height } = element.getBoundingClientRect();
    if (height && (across < target || height < target)) found.push(`target "${element.textContent.slice(0, 30)}": ${Math.round(across)} x ${Math.round(height)} px`);
  }
  if (globalThis.harmed) found.push('a text of a record ran as a script');
  if (document.querySelector('main img, main iframe, main script')) found.push('a text of a record became HTML');
  return found;
}
