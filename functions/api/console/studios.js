// Studios by the load that they put on the queues.

import { get, part } from './api.js';
import { h, svg } from './dom.js';
import { count, text } from './format.js';
import { countedNote, table } from './table.js';

const COLUMNS = [
  { name: 'Studio', isHeader: true, class: 'whole' },
  { name: 'Name' },
  { name: 'Unfinished', class: 'number' },
  { name: 'Failed', class: 'number' },
  { name: 'Share', class: 'wide' },
  { name: 'Look for', isBare: true, class: 'end' },
];

export function studios() {
  return {
    title: 'Studios by load',
    every: 15_000,
    load: (signal) => get('/studios', signal),
    render: ({ items, complete, counted_at: countedAt }) => {
      const most = Math.max(1, ...items.map(({ unfinished }) => unfinished));
      const row = ({ studio, name, unfinished, failed }) => ({
        key: studio,
        cells: [
          text(studio),
          name === null ? '' : text(name),
          count(unfinished),
          h('span', { class: failed > 0 ? 'bad' : 'zero' }, count(failed)),
          share(unfinished / most),
          h('a', { href: `#/search?studio=${part(studio)}` }, 'Search', h('span', { class: 'unseen' }, ` in ${studio}`)),
        ],
      });
      return [
        countedNote(countedAt),
        !complete && h('p', { class: 'notice' }, 'The backlog is longer than what was counted: these numbers are a part of it.'),
        table({ caption: 'Studios', columns: COLUMNS, rows: items.map(row), empty: 'No studio has unfinished or failed jobs.' }),
      ];
    },
  };
}

/** Returns a bar of this share. */
function share(part) {
  return svg('svg', { class: 'share', viewBox: '0 0 100 8', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svg('rect', { width: 100, height: 8, class: 'track' }), svg('rect', { width: Math.max(part > 0 ? 0.5 : 0, 100 * part), height: 8 }));
}
