// Dead letters without a failed record, with their bodies.

import { h } from './dom.js';
import { bytes, count, text, when, words } from './format.js';
import { table } from './table.js';
import { recordLink } from './unfinished.js';

/** Characters of a body that are shown. The API sends few, but a page must not depend on it. */
const SHOWN = 4096;
const COLUMNS = [
  { name: 'Select', isBare: true, class: 'select' },
  { name: 'Message', isHeader: true },
  { name: 'Reason' },
  { name: 'Body', class: 'wide clipped' },
  { name: 'Received', class: 'number' },
  { name: 'Sent', class: 'number' },
  { name: 'Actions', isBare: true, class: 'end' },
];

/** Returns the table of these letters. `list` selects and settles them. */
export function lettersTable(list, letters) {
  return table({ caption: 'Dead letters', columns: list.selectable(COLUMNS, letters), rows: letters.map((letter) => row(list, letter)) });
}

function row(list, letter) {
  return {
    key: letter.id,
    class: list.selected.has(letter.id) ? 'selected' : null,
    cells: [
      list.box(letter),
      [letter.job ? words(letter.job) : 'unknown job', ' ', letter.studio && letter.record_id ? recordLink(letter.studio, letter.record_id) : h('code', { title: letter.id }, letter.id.replace('dead_letter:', '').slice(0, 8))],
      [h('code', {}, text(letter.error.code)), ' ', h('span', { class: 'soft why' }, text(letter.error.message))],
      body(letter),
      count(letter.tries),
      when(letter.first_failed_at),
      list.actions(letter),
    ],
  };
}

function body(letter) {
  if (!('body' in letter)) return h('span', { class: 'soft' }, 'not available');
  if (letter.body === null) return h('span', { class: 'soft' }, letter.body_bytes ? `${bytes(letter.body_bytes)} that are no text` : 'none');
  const size = letter.body_bytes ?? letter.body.length;
  const first = letter.body.slice(0, 120).replace(/\s+/g, ' ');
  const shown = pretty(letter.body.slice(0, SHOWN), letter.body.length);
  return h('details', { class: 'letter' },
    h('summary', {}, h('span', { class: 'soft' }, bytes(size)), ' ', h('code', {}, text(first))),
    h('pre', { tabindex: '0', 'aria-label': 'Body' }, text(shown)),
    size > SHOWN && h('p', { class: 'soft' }, `The first ${bytes(Math.min(SHOWN, letter.body.length))} of ${bytes(size)}.`));
}

/** Indents JSON that is whole. */
function pretty(text, length) {
  if (length > SHOWN || !/^\s*[{[]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
