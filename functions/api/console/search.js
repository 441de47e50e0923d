// Search: a studio's record by its id, or its orders by the shop's reference.

import { get, part } from './api.js';
import { h } from './dom.js';
import { exact, shortId, text, words } from './format.js';
import { table } from './table.js';

const ID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const COLUMNS = [
  { name: 'Order', isHeader: true },
  { name: 'Reference', class: 'wide' },
  { name: 'Status' },
  { name: 'Created', class: 'number' },
];

export function search(_, { studio = '', q = '' }) {
  const asked = { studio, q };
  let names = [];
  const find = (event) => {
    event.preventDefault();
    const [where, what] = [asked.studio.trim(), asked.q.trim()];
    if (!where || !what) return;
    const address = ID.test(what) ? `#/records/${part(where)}/${part(what.toLowerCase())}` : `#/search?${new URLSearchParams({ studio: where, q: what })}`;
    if (address !== location.hash) location.hash = address;
  };
  const field = (id, label, more) => [
    h('label', { for: id }, label),
    h('input', { id, value: asked[id], required: true, autocomplete: 'off', spellcheck: 'false', oninput: (event) => { asked[id] = event.target.value; }, ...more }),
  ];
  return {
    title: 'Search',
    every: 0,
    load: async (signal) => {
      names = await get('/studios', signal).then(({ items }) => items, () => []);
      return studio && q ? get(`/studios/${part(studio)}/orders?reference=${part(q)}`, signal) : {};
    },
    render: ({ items }) => [
      h('form', { class: 'search', onsubmit: find },
        field('studio', 'Studio', { list: 'studios', placeholder: 'anna' }),
        h('datalist', { id: 'studios' }, names.map(({ studio, name }) => h('option', { value: studio }, name ?? ''))),
        field('q', 'ID of a record, or reference of an order', { class: 'id', placeholder: 'A-1017' }),
        h('button', { class: 'main' }, 'Search')),
      h('p', { class: 'soft' }, 'An ID may be that of a photo, order, download, email, delivery or operation.'),
      items && table({ caption: 'Orders', columns: COLUMNS, rows: items.map((one) => row(studio, one)), empty: 'This studio has no order with this reference.' }),
    ],
  };
}

function row(studio, { id, title, status, created_at }) {
  return {
    key: id,
    cells: [
      h('a', { href: `#/records/${part(studio)}/${part(id)}`, title: id }, h('code', {}, shortId(id))),
      text(title),
      words(status),
      exact(created_at),
    ],
  };
}
