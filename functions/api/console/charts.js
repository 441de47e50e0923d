// Small charts of numbers over time, drawn as SVG.

import { h, svg } from './dom.js';
import { tick } from './format.js';

const WIDTH = 240;
const HEIGHT = 48;

/**
 * Returns a chart. `series` are `{name, values, kind, class}`, whose kind is `bar` or `line`; bars of the same chart are
 * stacked. `format` writes a value. The pointer shows the values of a moment.
 */
export function chart({ name, total, points, series, format, period, tall }) {
  const bars = series.filter(({ kind }) => kind === 'bar');
  const stacked = points.map((_, n) => bars.reduce((sum, { values }) => sum + (values[n] ?? 0), 0));
  const lines = series.filter(({ kind }) => kind === 'line');
  const most = Math.max(...stacked, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)), 0);
  const scale = most > 0 ? (HEIGHT - 4) / most : 0;
  const width = WIDTH / Math.max(points.length, 1);
  const floor = points.map(() => 0);
  const drawn = [
    ...bars.map(({ values, class: of }) => {
      const path = values.map((value, n) => bar(n * width, width, floor[n], (floor[n] += (value ?? 0)), scale));
      return svg('path', { class: `bars ${of}`, d: path.join('') });
    }),
    ...lines.map(({ values, class: of }) => svg('path', { class: `line ${of}`, d: line(values, width, scale) })),
  ];
  const label = `${name}: ${total}${most > 0 ? `, at most ${format(most)}` : ''}`;
  const mark = svg('line', { class: 'mark', y1: 0, y2: HEIGHT, x1: -9, x2: -9 });
  const moment = h('p', { class: 'moment', keep: true });
  const point = (event) => {
    const { left, width: across } = event.currentTarget.getBoundingClientRect();
    const n = Math.min(points.length - 1, Math.max(0, Math.floor(((event.clientX - left) / across) * points.length)));
    if (!points[n]) return;
    const figure = event.currentTarget.closest('figure');
    const x = (n + 0.5) * width;
    const at = figure.querySelector('.mark');
    at.setAttribute('x1', x);
    at.setAttribute('x2', x);
    const values = series.map(({ name: of, values }) => `${of} ${values[n] === null ? '–' : format(values[n])}`);
    figure.querySelector('.moment').textContent = `${tick(points[n].at, period)}  ${values.join(' · ')}`;
  };
  const leave = (event) => {
    const figure = event.currentTarget.closest('figure');
    figure.querySelector('.moment').textContent = '';
    for (const end of ['x1', 'x2']) figure.querySelector('.mark').setAttribute(end, -9);
  };
  return h('figure', { class: tall ? 'chart tall' : 'chart', key: name },
    h('figcaption', {}, h('span', { class: 'name' }, name), ' ', h('span', { class: 'total' }, total)),
    svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label, onpointermove: point, onpointerleave: leave },
      svg('line', { class: 'floor', x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 }), drawn, svg('g', { keep: true }, mark)),
    h('div', { class: 'foot' }, moment, h('p', { class: 'most', 'aria-hidden': 'true' }, most > 0 && `max ${format(most)}`)));
}

function bar(x, width, from, to, scale) {
  if (to === from) return '';
  const gap = Math.min(1, width * 0.2);
  const [low, high] = [HEIGHT - 1 - from * scale, HEIGHT - 1 - Math.max(to * scale, from * scale + 1)];
  return `M${round(x + gap / 2)} ${round(low)}V${round(high)}h${round(width - gap)}V${round(low)}z`;
}

/** Joins values that follow each other. One that stands alone is a dash. */
function line(values, width, scale) {
  let path = '';
  values.forEach((value, n) => {
    if (value === null || value === undefined) return;
    const [x, y] = [(n + 0.5) * width, HEIGHT - 2 - value * scale * 0.96];
    const before = values[n - 1] ?? null;
    const after = values[n + 1] ?? null;
    if (before !== null) path += `L${round(x)} ${round(y)}`;
    else path += after === null ? `M${round(n * width)} ${round(y)}h${round(width)}` : `M${round(x)} ${round(y)}`;
  });
  return path;
}

const round = (number) => Math.round(number * 100) / 100;

/** Returns a line of bars without words: how many of these times fell into each part of the span. */
export function sparkline(times, from, to, label, parts = 24) {
  const counts = Array.from({ length: parts }, () => 0);
  for (const time of times) counts[Math.min(parts - 1, Math.max(0, Math.floor(((time - from) / Math.max(1, to - from)) * parts)))] += 1;
  const most = Math.max(1, ...counts);
  const path = counts.map((count, n) => (count ? `M${n * 4} 16V${round(16 - Math.max(1.5, (count / most) * 15))}h3V16z` : ''));
  return svg('svg', { class: 'spark', viewBox: `0 0 ${parts * 4 - 1} 16`, role: 'img', 'aria-label': label },
    svg('path', { class: 'floor', d: `M0 15.5H${parts * 4}` }), svg('path', { d: path.join('') }));
}
