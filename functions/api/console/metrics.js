// Throughput, failures, run time and wait of queues over a period.

import { get, part } from './api.js';
import { chart } from './charts.js';
import { h } from './dom.js';
import { compact, count, milliseconds, plural, tick } from './format.js';
import { table } from './table.js';

export const PERIODS = { '1h': '1 hour', '24h': '24 hours', '7d': '7 days' };
const PERIOD = 'darkroom.console.period';
/** Points are minutes long at least, so that nothing is gained by asking more often. */
const FRESH = 30_000;

const kept = new Map();

export const period = () => (PERIODS[localStorage.getItem(PERIOD)] ? localStorage.getItem(PERIOD) : '24h');

/** Returns the metrics of a queue, asked for at most twice a minute; null where the API has none. */
export async function metricsOf(queue, signal) {
  const which = period();
  const key = `${queue} ${which}`;
  const known = kept.get(key);
  if (known && Date.now() - known.at < FRESH) return known.metrics;
  const path = `/queues/${part(queue)}/metrics?period=${which}`;
  const metrics = await get(path, signal).catch((error) => {
    if (error.isAbsent) return null;
    throw error;
  });
  kept.set(key, { at: Date.now(), metrics });
  return metrics;
}

/** Returns buttons for the period. */
export function periods(refresh) {
  const choose = (event) => {
    localStorage.setItem(PERIOD, event.target.value);
    refresh();
  };
  return h('fieldset', { class: 'segments' }, h('legend', { class: 'unseen' }, 'Period'),
    Object.entries(PERIODS).map(([value, name]) =>
      h('label', {}, h('input', { type: 'radio', name: 'period', value, checked: period() === value, onchange: choose }), h('span', {}, name))));
}

/** Returns the four charts of a queue. */
export function charts(metrics, tall) {
  const { points, period } = metrics;
  const of = (name) => points.map((point) => point[name] ?? null);
  const last = (name) => of(name).findLast((value) => value !== null) ?? null;
  const common = { points, period, tall };
  const times = [['p50', 'run_p50_ms', 'calm'], ['p95', 'run_p95_ms', 'loud']];
  return [
    chart({ ...common, name: 'Done', total: compact(metrics.done), format: count, series: [{ name: 'done', values: of('done'), kind: 'bar', class: 'good' }] }),
    chart({
      ...common,
      name: 'Failed',
      total: `${compact(metrics.failed)} · retried ${compact(metrics.retried)}`,
      format: count,
      series: [
        { name: 'failed', values: of('failed'), kind: 'bar', class: 'bad' },
        { name: 'retried', values: of('retried'), kind: 'bar', class: 'calm' },
      ],
    }),
    chart({
      ...common,
      name: 'Run',
      total: `p50 ${milliseconds(last('run_p50_ms'))} · p95 ${milliseconds(last('run_p95_ms'))}`,
      format: milliseconds,
      series: times.map(([name, field, style]) => ({ name, values: of(field), kind: 'line', class: style })),
    }),
    chart({ ...common, name: 'Wait', total: `p95 ${milliseconds(last('wait_p95_ms'))}`, format: milliseconds, series: [{ name: 'p95', values: of('wait_p95_ms'), kind: 'line', class: 'loud' }] }),
  ];
}

/** Returns the values of the charts as a table, newest first, for those who can't see or point. */
export function values({ points, period }) {
  const columns = ['Time', 'Done', 'Failed', 'Retried', 'Run p50', 'Run p95', 'Wait p95'].map((name, n) => ({ name, class: n ? 'number' : null, isHeader: n === 0 }));
  const rows = points.toReversed().filter((point) => point.done || point.failed || point.retried || point.run_p50_ms !== null).map((point) => ({
    key: point.at,
    cells: [tick(point.at, period), count(point.done), count(point.failed), count(point.retried), ...['run_p50_ms', 'run_p95_ms', 'wait_p95_ms'].map((name) => milliseconds(point[name] ?? null))],
  }));
  return h('details', { key: 'values' }, h('summary', {}, `Values of ${plural(rows.length, 'point')}`), table({ caption: 'Values', columns, rows, empty: 'No job ran in this period.' }));
}
