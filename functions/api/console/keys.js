// Shortcuts of the keyboard. An operator can turn them off: speech input types letters too.

import { h } from './dom.js';
import { show } from './dialog.js';

const OFF = 'darkroom.console.no-shortcuts';
const PLACES = { q: 'queues', o: 'operations', s: 'studios' };
const LIST = [
  ['g q', 'Queues'],
  ['g o', 'Operations'],
  ['g s', 'Studios'],
  ['/', 'Search'],
  ['j, k', 'Next and previous row'],
  ['x', 'Select the row'],
  ['r', 'Retry the row or the selection'],
  ['f', 'Forget the row or the selection'],
  ['p', 'Pause or resume the queue'],
  ['?', 'This list'],
];

let last = '';

export function listen() {
  document.addEventListener('keydown', (event) => {
    const isTyping = event.target.closest?.('input:not([type=checkbox]):not([type=radio]), textarea, select');
    const isBusy = document.querySelector('dialog[open]');
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping || isBusy || localStorage.getItem(OFF)) return;
    const before = last;
    last = event.key;
    if (before === 'g' && PLACES[event.key]) location.hash = `#/${PLACES[event.key]}`;
    else if (event.key === '/') location.hash = '#/search';
    else if (event.key === '?') help();
    else if (event.key === 'j' || event.key === 'k') step(event.key === 'j' ? 1 : -1);
    else if (!press(event.key)) return;
    event.preventDefault();
  });
}

/** Moves the focus to the next row that has a control. */
function step(by) {
  const rows = [...document.querySelectorAll('[data-row]')].filter((row) => row.querySelector('a, button, input'));
  const at = rows.indexOf(document.activeElement?.closest('[data-row]'));
  const row = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1)];
  row?.querySelector('input, a, button')?.focus();
  row?.scrollIntoView({ block: 'nearest' });
}

/** Presses the control with this shortcut: that of the row, or of the selection, or of the page. */
function press(key) {
  if (!/^[xrfp]$/.test(key)) return false;
  const row = document.activeElement?.closest('[data-row]');
  const places = [document.querySelector('[data-selection]'), row, document].filter(Boolean);
  const order = key === 'x' ? [row] : key === 'p' ? [row, document] : places.slice(0, -1);
  for (const place of order) {
    const control = place?.querySelector(`[data-key="${key}"]:not([disabled])`);
    if (control) {
      control.click();
      return true;
    }
  }
  return false;
}

/** Shows the list of shortcuts. */
export function help() {
  const toggle = (event) => (event.target.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, '1'));
  show('Keyboard shortcuts', [
    h('dl', { class: 'keys' }, LIST.map(([keys, what]) => h('div', {}, h('dt', {}, keys.split(/( |, )/).map((key) => (/^[ ,]/.test(key) ? key : h('kbd', {}, key)))), h('dd', {}, what)))),
    h('p', {}, h('label', {}, h('input', { type: 'checkbox', checked: !localStorage.getItem(OFF), onchange: toggle }), ' Shortcuts are on')),
  ]);
}
