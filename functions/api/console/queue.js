// One queue: its numbers, what runs, what waits, what failed, and its dead letters.

import { get, part } from './api.js';
import { h } from './dom.js';
import { count, duration } from './format.js';
import { Failures } from './failed.js';
import { charts, metricsOf, periods, values } from './metrics.js';
import { pauseButton, pausedBy } from './pause.js';
import { measured, verdict } from './queues.js';
import { refusal, section } from './table.js';
import { Unfinished } from './unfinished.js';

export function queue([name], { error = '', studio = '' }, tools) {
  const failures = new Failures(name, error, studio, tools);
  const running = new Unfinished(name, 'running', tools);
  const waiting = new Unfinished(name, 'waiting', tools);
  let metrics = { value: null };
  return {
    title: name,
    heading: ['Queue ', name],
    crumb: h('p', { class: 'crumb', key: 'crumb' }, h('a', { href: '#/queues' }, 'Queues')),
    load: async (signal) => {
      const { queues } = await get('/queues', signal);
      const view = queues.find((one) => one.queue === name);
      if (!view) throw new Error(`There is no queue named ${name}.`);
      const loads = [metricsOf(name, signal), running.load(signal), waiting.load(signal), failures.load(view, signal)];
      [metrics] = await Promise.allSettled(loads);
      return view;
    },
    render: (view) => [
      head(view, tools),
      section('Jobs over time', periods(tools.refresh),
        metrics.reason ? refusal(metrics.reason)
          : metrics.value ? [h('div', { class: 'row-of-charts alone' }, charts(metrics.value, true)), values(metrics.value)]
            : h('p', { class: 'soft' }, 'Not available: this deployment keeps no metrics of jobs.')),
      failures.groups(),
      running.section(),
      failures.letters(),
      failures.list(),
      waiting.section(view),
    ],
  };
}

function head(view, tools) {
  const { healthy } = view;
  const facts = [
    ['Waiting', view.waiting, healthy.waiting, count],
    ['In flight', view.in_flight, null, count],
    ['Delayed', view.delayed, null, count],
    ['Oldest', view.oldest_seconds, healthy.oldest_seconds, duration],
    ['Failed', view.failed, healthy.failed, count],
    ['Dead letters', view.dead_letters, healthy.dead_letters, count],
  ];
  const why = [...(view.reasons ?? [])];
  return h('div', { class: 'overview', key: 'overview' },
    h('div', { class: 'judged' }, verdict(view), pauseButton(view, tools),
      (why.length > 0 || view.paused) && h('ul', { class: 'reasons' }, why.map((reason) => h('li', {}, reason)), view.paused && h('li', {}, pausedBy(view)))),
    h('dl', { class: 'figures' }, facts.map(([name, value, most, show]) =>
      h('div', {}, h('dt', {}, name), h('dd', {}, measured(value, most ?? Infinity, show), h('span', { class: 'soft of' }, most === null ? '' : most === 0 ? 'none allowed' : `of ${show(most)} allowed`))))));
}
