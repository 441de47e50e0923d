// Tables: rows in columns on wide screens, a card for each row on a phone.

import { h } from './dom.js';
import { clock, exact } from './format.js';

/**
 * Returns a table. A column is `{name, class, isHeader, isBare}`; a row is `{key, cells, class}`. On a phone a cell is shown
 * with its column's name, unless the column is bare. `empty` is said in place of no rows.
 */
export function table({ caption, columns, rows, empty, className }) {
  if (rows.length === 0) return h('p', { class: 'soft', key: `empty ${caption}` }, empty ?? 'Nothing.');
  const head = columns.map(({ name, class: of, head, isBare }) =>
    h('th', { scope: 'col', class: of, role: 'columnheader' }, head ?? (isBare && /^(Actions|Select)$/.test(name) ? h('span', { class: 'unseen' }, name) : name)));
  const cell = (content, n) => {
    const { name, class: of, isHeader, isBare } = columns[n];
    const names = [of, (content === '' || content === null) && 'vacant'].filter(Boolean).join(' ') || null;
    const attributes = { class: names, 'data-label': !isBare && !isHeader && name };
    return isHeader ? h('th', { scope: 'row', role: 'rowheader', ...attributes }, content) : h('td', { role: 'cell', ...attributes }, content);
  };
  return h('table', { class: className, role: 'table', key: `table ${caption}` },
    h('caption', { class: 'unseen' }, caption),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, head)),
    h('tbody', { role: 'rowgroup', 'data-rows': true },
      rows.map(({ key, cells, class: of }) => h('tr', { key, role: 'row', class: of, 'data-row': true }, cells.map(cell)))));
}

/** Returns the part of a long list that is shown, and the button for more. `state.shown` says how many. */
export function clipped(list, state, redraw, step = 50) {
  state.shown ??= step;
  const more = () => { state.shown += step; redraw(); };
  const left = list.length - state.shown;
  return [list.slice(0, state.shown), left > 0 && h('p', {}, h('button', { onclick: more }, `Show ${Math.min(step, left)} more of ${left}`))];
}

/** Returns a section with a heading. */
export const section = (name, aside, ...content) =>
  h('section', { key: `section ${name}`, 'aria-label': name }, h('div', { class: 'head' }, h('h2', {}, name), aside), content);

/** Returns the refusal of a part of the page, in its place. */
export const refusal = (error) => h('div', { class: 'notice bad', role: 'alert' }, h('p', {}, error.message));

/** Returns a sentence about the time at which numbers were counted; null if the request counted. */
export const countedNote = (at) => at && h('p', { class: 'soft', key: 'counted' },
  'Counted at ', h('time', { datetime: at, title: exact(at) }, clock(at)), '. More than 200 jobs are counted every five minutes.');
