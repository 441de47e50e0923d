// Operations: those that this window started, and one by its id.

import { get, part } from './api.js';
import { h } from './dom.js';
import { count, duration, exact, text, when, words } from './format.js';
import { table } from './table.js';
import * as watch from './watch.js';

const COLUMNS = [
  { name: 'Operation', isHeader: true },
  { name: 'Status' },
  { name: 'Queue' },
  { name: 'Selection' },
  { name: 'Progress', class: 'wide' },
  { name: 'Done', class: 'number' },
  { name: 'Of', class: 'number' },
  { name: 'Started', class: 'number' },
  { name: 'Took', class: 'number' },
];

export function operations(_, __, tools) {
  let asked = '';
  const open = (event) => {
    event.preventDefault();
    if (asked.trim()) location.hash = `#/operations/${encodeURIComponent(asked.trim())}`;
  };
  if (watch.running() > 0) watch.follow();
  return {
    title: 'Operations',
    every: 2000,
    load: async () => watch.all(),
    render: (started) => [
      h('p', { class: 'soft' }, 'Retrying or forgetting many jobs is an operation, done page by page on the default queue. These were started from this window.'),
      table({ caption: 'Operations', columns: COLUMNS, rows: started.map(row), empty: 'None yet. “Retry all” of a queue starts one.' }),
      h('form', { class: 'line', onsubmit: open },
        h('label', { for: 'operation' }, 'Open one by its ID'),
        h('input', { id: 'operation', class: 'id', autocomplete: 'off', spellcheck: 'false', oninput: (event) => { asked = event.target.value; } }),
        h('button', {}, 'Open')),
    ],
  };
}

function row({ id, view, total, error }) {
  const isOver = watch.hasEnded(view);
  return {
    key: id,
    cells: [
      h('a', { href: `#/operations/${part(id)}` }, words(view.kind)),
      [status(view), error && h('span', { class: 'soft' }, ' ', error)],
      view.queue,
      selection(view),
      bar(view, total),
      count(view.done),
      count(total),
      when(view.created_at),
      duration((new Date(view.ended_at ?? (isOver ? view.created_at : Date.now())) - new Date(view.created_at)) / 1000),
    ],
  };
}

const KINDS = { done: 'good', failed: 'bad', processing: 'busy' };
const status = (view) => h('span', { class: `state ${KINDS[view.status] ?? ''}` }, view.status);

const selection = ({ selection: { error, studio, which } }) =>
  [error && ['error ', h('code', {}, text(error))], studio && [' studio ', text(studio)], which].filter(Boolean).flatMap((one) => [one, ' ']).concat(!error && !studio && !which ? 'all' : []);

/** Jobs that were settled by hand meanwhile are skipped, so that fewer may be done than were asked for. */
function bar(view, total) {
  const isOver = watch.hasEnded(view);
  if (!total && !isOver) return h('progress', { 'aria-label': 'Progress' });
  return h('progress', { max: isOver ? 1 : total, value: isOver ? 1 : Math.min(view.done, total), 'aria-label': 'Progress' });
}

export function operation([id]) {
  return {
    title: 'Operation',
    crumb: h('p', { class: 'crumb', key: 'crumb' }, h('a', { href: '#/operations' }, 'Operations')),
    every: 2000,
    load: async (signal) => {
      try {
        return await get(`/operations/${part(id)}`, signal);
      } catch (error) {
        if (error.status === 404) error.message += ' Operations are shown to the studio that started them, for 30 days.';
        throw error;
      }
    },
    render: (view) => {
      const total = watch.find(id)?.total ?? null;
      const fact = (name, ...value) => h('div', {}, h('dt', {}, name), h('dd', {}, value));
      return [
        h('dl', { class: 'facts' },
          fact('Kind', words(view.kind)),
          fact('Status', status(view)),
          fact('Queue', h('a', { href: `#/queues/${part(view.queue)}` }, view.queue)),
          fact('Selection', selection(view)),
          fact('Done', count(view.done), total !== null && ` of ${count(total)}`),
          fact('Started', exact(view.created_at)),
          fact('Ended', view.ended_at ? exact(view.ended_at) : '–'),
          fact('ID', h('code', {}, text(view.id)))),
        bar(view, total),
        view.error && h('div', { class: 'notice bad' }, h('p', {}, h('code', {}, text(view.error.code)), ' ', text(view.error.message))),
      ];
    },
  };
}
