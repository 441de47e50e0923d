// All queues: their numbers, their verdicts, and their charts.

import { get, part } from './api.js';
import { h } from './dom.js';
import { count, duration } from './format.js';
import { charts, metricsOf, periods } from './metrics.js';
import { pauseButton, pausedBy } from './pause.js';
import { refusal, section, table } from './table.js';

const COLUMNS = [
  { name: 'Queue', isHeader: true },
  { name: 'Verdict', isBare: true, class: 'wide' },
  { name: 'Waiting', class: 'number' },
  { name: 'In flight', class: 'number' },
  { name: 'Delayed', class: 'number' },
  { name: 'Oldest', class: 'number' },
  { name: 'Failed', class: 'number' },
  { name: 'Dead letters', class: 'number' },
  { name: 'Actions', isBare: true, class: 'end' },
];
const LOOKS = { ok: 'good', behind: 'warn', failing: 'bad', paused: 'idle' };

/** Returns a verdict as a word with a mark. */
export const verdict = (view) => h('span', { class: `verdict ${LOOKS[view.verdict] ?? ''}` }, view.verdict);

/** Returns a number, marked if it is above what is healthy. */
export const measured = (value, most, show = count) =>
  value > most ? h('span', { class: 'bad', title: `${show(most)} allowed` }, show(value)) : h('span', { class: value ? null : 'zero' }, show(value));

export function queues(_, __, tools) {
  return {
    title: 'Queues',
    load: async (signal) => {
      const { queues } = await get('/queues', signal);
      const metrics = await Promise.allSettled(queues.map(({ queue }) => metricsOf(queue, signal)));
      return { queues, metrics };
    },
    render: ({ queues, metrics }) => {
      const problem = metrics.find(({ reason }) => reason)?.reason;
      const drawn = queues.flatMap((view, n) => (metrics[n].value ? [[view, metrics[n].value]] : []));
      return [
        table({ caption: 'Queues', className: 'queues', columns: COLUMNS, rows: queues.map((view) => row(view, tools)) }),
        section('Jobs over time', periods(tools.refresh),
          problem && refusal(problem),
          drawn.length ? h('div', { class: 'rows-of-charts' }, drawn.map(([view, of]) => h('div', { class: 'row-of-charts', key: view.queue }, h('h3', {}, view.queue), charts(of))))
            : !problem && h('p', { class: 'soft' }, 'Not available: this deployment keeps no metrics of jobs.')),
      ];
    },
  };
}

function row(view, tools) {
  const { healthy } = view;
  const why = [...(view.reasons ?? []).map((reason) => [reason]), pausedBy(view)].filter(Boolean);
  return {
    key: view.queue,
    cells: [
      h('a', { href: `#/queues/${part(view.queue)}` }, view.queue),
      [verdict(view), ' ', why.length > 0 && h('span', { class: 'soft why' }, why.map((one, n) => [n > 0 && '; ', one]))],
      measured(view.waiting, healthy.waiting),
      measured(view.in_flight, Infinity),
      measured(view.delayed, Infinity),
      measured(view.oldest_seconds, healthy.oldest_seconds, duration),
      measured(view.failed, healthy.failed),
      measured(view.dead_letters, healthy.dead_letters),
      pauseButton(view, tools),
    ],
  };
}
