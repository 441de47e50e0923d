// The console: its pages by address, the header, and the refresh of what is shown.

import { h, update } from './dom.js';
import { clock } from './format.js';
import * as keys from './keys.js';
import { operation, operations } from './operations.js';
import { queue } from './queue.js';
import { queues } from './queues.js';
import { record } from './record.js';
import { search } from './search.js';
import * as session from './session.js';
import { studios } from './studios.js';
import * as watch from './watch.js';

const ROUTES = [
  [/^\/(?:queues)?$/, queues],
  [/^\/queues\/([^/]+)$/, queue],
  [/^\/records\/([^/]+)\/([^/]+)$/, record],
  [/^\/operations$/, operations],
  [/^\/operations\/([^/]+)$/, operation],
  [/^\/studios$/, studios],
  [/^\/search$/, search],
];
const NAVIGATION = [['queues', 'Queues'], ['operations', 'Operations'], ['studios', 'Studios'], ['search', 'Search']];
const EVERY = 5000;

const [top, main, said] = ['top', 'main', 'said'].map((id) => document.getElementById(id));
let shown = null;
let timer = 0;
let isLive = true;

/** What a page may ask of the console. */
const tools = {
  redraw: () => shown && draw(shown),
  refresh: () => shown && refresh(shown),
  say,
};

/** Tells the operator what came of an action. */
function say(...message) {
  const close = () => update(said);
  update(said, h('p', {}, message), h('button', { class: 'quiet', onclick: close, 'aria-label': 'Dismiss this message' }, '×'));
}

function pageAt(address) {
  const [path, query] = address.replace(/^#/, '').split('?');
  for (const [pattern, page] of ROUTES) {
    const found = pattern.exec(path || '/');
    if (found) return page(found.slice(1).map(decoded), Object.fromEntries(new URLSearchParams(query)), tools);
  }
  return { title: 'Unknown page', load: async () => null, render: () => h('p', {}, 'There is no such page. ', h('a', { href: '#/queues' }, 'Show the queues')) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Shows the page of the address. */
function navigate() {
  shown?.leaving.abort();
  shown = { ...pageAt(location.hash), leaving: new AbortController(), data: undefined, error: null, at: null };
  document.title = `${shown.title} – Darkroom console`;
  update(said);
  update(main);
  draw(shown);
  main.querySelector('h1')?.focus({ preventScroll: true });
  scrollTo(0, 0);
  refresh(shown);
}

/** Loads the page's data, shows it, and does so again after a while. */
async function refresh(page) {
  clearTimeout(timer);
  if (!session.isSignedIn()) return draw(page);
  page.asked = (page.asked ?? 0) + 1;
  const { asked } = page;
  try {
    const data = await page.load(page.leaving.signal);
    if (page !== shown || asked !== page.asked) return;
    Object.assign(page, { data, error: null, at: new Date() });
  } catch (error) {
    if (page !== shown || page.leaving.signal.aborted || asked !== page.asked) return;
    page.error = error;
  }
  draw(page);
  schedule(page);
}

function schedule(page) {
  clearTimeout(timer);
  if (isLive && !document.hidden && page.every !== 0) timer = setTimeout(() => refresh(page), page.every ?? EVERY);
}

function draw(page) {
  if (page !== shown) return;
  if (!session.isSignedIn()) return drawSignIn();
  update(top, header(page));
  const { error } = page;
  const heading = h('h1', { tabindex: '-1', key: 'heading' }, page.heading ?? page.title);
  if (error?.isForOperators) {
    update(main, heading, h('div', { class: 'notice bad', role: 'alert' }, h('p', {}, h('strong', {}, 'This account is no operator.')), h('p', {}, error.message), h('button', { onclick: leave }, 'Sign out')));
    return;
  }
  const notice = error && h('div', { class: 'notice bad', role: 'alert', key: 'error' },
    h('p', {}, error.message, page.data !== undefined && page.at && ` Shown is what was so at ${clock(page.at)}.`),
    h('button', { onclick: () => refresh(page) }, 'Try again'));
  const body = page.data === undefined ? !error && h('p', { class: 'soft', key: 'loading' }, 'Loading…') : page.render(page.data);
  update(main, page.crumb, heading, notice, body);
}

function header(page) {
  const place = (location.hash.split('/')[1] || 'queues').split('?')[0];
  const running = watch.running();
  const link = ([name, label]) => h('a', { href: `#/${name}`, 'aria-current': (place === 'records' ? 'search' : place) === name && 'page' },
    label, name === 'operations' && running > 0 && h('span', { class: 'badge', title: `${running} running` }, running));
  const live = (event) => {
    isLive = event.target.checked;
    draw(page);
    if (isLive) refresh(page);
    else clearTimeout(timer);
  };
  return [
    h('a', { class: 'brand', href: '#/queues' }, 'Darkroom'),
    h('nav', { 'aria-label': 'Pages' }, NAVIGATION.map(link)),
    h('div', { class: 'status' },
      h('span', { class: 'soft updated' }, page.at ? clock(page.at) : ''),
      h('label', { title: 'Refresh every 5 seconds while this window is visible' }, h('input', { type: 'checkbox', checked: isLive, onchange: live }), ' Live'),
      h('button', { class: 'quiet keys-button', onclick: () => keys.help(), title: 'Keyboard shortcuts (?)' }, 'Keys'),
      h('button', { class: 'quiet', onclick: leave, title: session.name() }, 'Sign out')),
  ];
}

function drawSignIn(error) {
  const settings = session.settings();
  document.title = 'Sign in – Darkroom console';
  const enter = async () => {
    try {
      await session.signIn();
      if (session.isSignedIn()) navigate();
    } catch (problem) {
      drawSignIn(problem);
    }
  };
  update(top, h('a', { class: 'brand', href: '#/queues' }, 'Darkroom'));
  const ended = shown?.at && 'Your session has ended.';
  update(main, h('div', { class: 'sign-in' },
    h('h1', { tabindex: '-1' }, 'Operators’ console'),
    h('p', { class: 'soft' }, 'Queues, failed jobs, and the story of each record.'),
    (error ?? ended) && h('div', { class: 'notice bad', role: 'alert' }, h('p', {}, error?.message ?? ended)),
    settings && (settings.local || settings.issuer)
      ? h('button', { class: 'main', onclick: enter }, settings.local ? 'Sign in as operator' : 'Sign in')
      : settings && h('p', {}, 'This deployment names no issuer for the console. docs/OPERATIONS.md says how to name one.'),
    settings?.local && h('p', { class: 'soft' }, 'This deployment is on one machine: a development token signs you in.')));
}

async function leave() {
  shown?.leaving.abort();
  if (shown) shown.at = null;
  clearTimeout(timer);
  await session.signOut();
  drawSignIn();
  main.querySelector('button')?.focus();
}

addEventListener('hashchange', () => (session.isSignedIn() ? navigate() : drawSignIn()));
document.addEventListener('visibilitychange', () => {
  if (document.hidden) clearTimeout(timer);
  else if (isLive && shown && session.isSignedIn()) refresh(shown);
});
document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
keys.listen();
watch.changed(() => shown && draw(shown));

let refused;
try {
  await session.start();
} catch (error) {
  refused = error;
}
if (session.isSignedIn()) navigate();
else drawSignIn(refused);
