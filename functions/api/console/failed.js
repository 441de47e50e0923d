// Failed jobs of a queue: by error, one by one, and dead letters.

import { get, part, query } from './api.js';
import { sparkline } from './charts.js';
import { h } from './dom.js';
import { count, long, plural, text, when } from './format.js';
import { lettersTable } from './letters.js';
import { forget, forgetMany, retry, retryMany } from './settle.js';
import { clipped, countedNote, refusal, section, table } from './table.js';
import { recordLink } from './unfinished.js';

const PAGE = 50;
/** Reading the list reads the dead letters, so it is read when the counts have changed, and seldom otherwise. */
const SELDOM = 30_000;
/** Shortest time that the lines of bars show. */
const SPAN = 3_600_000;
const GROUPS = [
  { name: 'Error', isHeader: true },
  { name: 'Jobs', class: 'number' },
  { name: 'When', class: 'drawn' },
  { name: 'Newest cause', class: 'wide' },
  { name: 'First', class: 'number' },
  { name: 'Last', class: 'number' },
  { name: 'Actions', isBare: true, class: 'end' },
];
const JOBS = [
  { name: 'Select', isBare: true, class: 'select' },
  { name: 'Record', isHeader: true },
  { name: 'Error' },
  { name: 'Cause', class: 'wide' },
  { name: 'Tries', class: 'number' },
  { name: 'Letters', class: 'number' },
  { name: 'Last', class: 'number' },
  { name: 'Actions', isBare: true, class: 'end' },
];

/** The failed jobs of a queue, those of one error or studio if one is named. */
export class Failures {
  items = [];
  found = null;
  /** When the groups were counted; null if when they were read. */
  countedAt = null;
  next = null;
  pages = 1;
  rows = PAGE;
  error = null;
  selected = new Set();
  open = new Set();
  filter = '';
  shown = {};
  readAt = 0;
  counts = '';

  constructor(queue, code, studio, tools) {
    Object.assign(this, { queue, code, studio, tools: { ...tools, refresh: () => { this.readAt = 0; tools.refresh(); } } });
  }

  /** Reads the pages that are shown, if anything may have changed. A refusal is shown in place of the list. */
  async load(view, signal) {
    const counts = `${view.failed} ${view.dead_letters} ${this.pages}`;
    if (counts === this.counts && Date.now() - this.readAt < SELDOM) return;
    try {
      const [items, found, countedAt, next] = await this.read(signal);
      Object.assign(this, { items, found, countedAt, next, error: null, counts, readAt: Date.now() });
      const known = new Set(items.map(({ id }) => id));
      for (const id of this.selected) if (!known.has(id)) this.selected.delete(id);
    } catch (error) {
      if (error.status === 401 || error.status === 403) throw error;
      this.error = error;
    }
  }

  async read(signal) {
    const items = [];
    let [cursor, groups, countedAt] = [null, [], null];
    for (let page = 0; page < this.pages; page += 1) {
      const path = `/queues/${part(this.queue)}/failed${query({ error: this.code, studio: this.studio, limit: PAGE, cursor })}`;
      const read = await get(path, signal);
      items.push(...read.items);
      if (read.groups) [groups, countedAt] = [read.groups, read.groups_counted_at];
      cursor = read.next_cursor;
      if (!cursor) break;
    }
    return [items, groups, countedAt, cursor];
  }

  get total() {
    return (this.found ?? []).reduce((sum, group) => sum + group.count, 0);
  }

  /** Returns the section of groups, and the buttons for all of them. */
  groups() {
    const { total, tools } = this;
    const filtered = (this.code || this.studio) && h('p', { class: 'filter', key: 'filter' },
      'Only ', this.code && ['the error ', h('code', {}, text(this.code))], this.code && this.studio && ' and ', this.studio && ['the studio ', text(this.studio)], '. ',
      h('a', { href: `#/queues/${part(this.queue)}` }, 'Show all'));
    const which = { error: this.code || null, studio: this.studio || null };
    const all = total > 0 && [
      h('button', { onclick: () => retryMany(this.queue, which, total, tools, this.countedAt) }, `Retry all ${count(total)}…`),
      h('button', { class: 'final', onclick: () => forgetMany(this.queue, which, total, tools, this.countedAt) }, `Forget all ${count(total)}…`),
    ];
    const groups = this.found ?? [];
    const wanted = groups.filter(({ code, cause, message }) => `${code} ${cause ?? ''} ${message}`.toLowerCase().includes(this.filter));
    const [shown, more] = clipped(wanted, this.shown, tools.redraw);
    const seek = (event) => { this.filter = event.target.value.toLowerCase(); this.shown = {}; tools.redraw(); };
    const field = groups.length > 10 && h('input', { type: 'search', class: 'seek', 'aria-label': 'Filter the errors', placeholder: `Filter ${count(groups.length)} errors`, oninput: seek });
    const times = this.items.map((job) => Date.parse(job.last_failed_at ?? job.first_failed_at));
    const to = Date.now();
    const from = Math.min(to - SPAN, ...times);
    return section('Failed, by error', h('span', { class: 'buttons' }, field, this.studios(), all),
      filtered, this.error && refusal(this.error), countedNote(this.countedAt),
      this.found && table({ caption: 'Errors', columns: GROUPS, rows: shown.map((group) => this.group(group, from, to)), empty: groups.length ? 'No error contains this text.' : 'No job has failed.' }), more);
  }

  /** Returns the choice of a studio; null if there is none. */
  studios() {
    const names = [...new Set(this.items.map(({ studio }) => studio).concat(this.studio).filter(Boolean))].sort();
    if (names.length < 2 && !this.studio) return null;
    const choose = (event) => { location.hash = `#/queues/${part(this.queue)}${query({ error: this.code, studio: event.target.value })}`; };
    const option = (value, name) => h('option', { value, selected: value === this.studio }, name);
    return h('select', { 'aria-label': 'Studio', onchange: choose }, option('', 'All studios'), names.map((name) => option(name, name)));
  }

  group(group, from, to) {
    const { code, cause, message } = group;
    const which = { error: code, studio: this.studio || null };
    const times = this.items.filter((job) => job.error.code === code).map((job) => Date.parse(job.last_failed_at ?? job.first_failed_at));
    const label = `${plural(times.length, 'newest failure', 'newest failures')} from ${new Date(from).toLocaleString('en-GB')} until now`;
    return {
      key: code,
      cells: [
        h('a', { href: `#/queues/${part(this.queue)}${query({ error: code, studio: this.studio })}` }, h('code', {}, text(code))),
        count(group.count),
        times.length > 0 && sparkline(times, from, to, label),
        h('span', { class: 'cause' }, long(cause ?? message, `group ${code}`, this.open, this.tools.redraw, 240)),
        when(group.first_failed_at),
        when(group.last_failed_at),
        [
          h('button', { 'data-key': 'r', onclick: () => retryMany(this.queue, which, group.count, this.tools, this.countedAt) }, 'Retry…', h('span', { class: 'unseen' }, ` ${code}`)),
          h('button', { 'data-key': 'f', onclick: () => forgetMany(this.queue, which, group.count, this.tools, this.countedAt) }, 'Forget…', h('span', { class: 'unseen' }, ` ${code}`)),
        ],
      ],
    };
  }

  /** Returns the section of failed records, one by one. */
  list() {
    const read = this.items.filter(({ kind }) => kind === 'record');
    if (!this.found || read.length === 0) return null;
    const records = read.slice(0, this.rows);
    const isPart = records.length < read.length || this.next;
    const more = () => {
      this.rows += PAGE;
      if (this.rows > read.length && this.next) {
        this.pages += 1;
        this.tools.refresh();
      } else this.tools.redraw();
    };
    return section('Failed jobs', this.selection(read) ?? h('span', { class: 'soft' }, isPart ? `newest ${count(records.length)}` : count(records.length)),
      table({ caption: 'Failed jobs', columns: this.selectable(JOBS, records), rows: records.map((job) => this.row(job)) }),
      isPart && h('p', {}, h('button', { onclick: more }, 'Show more')));
  }

  row(job) {
    return {
      key: job.id,
      class: this.selected.has(job.id) ? 'selected' : null,
      cells: [
        this.box(job),
        recordLink(job.studio, job.record_id),
        h('code', {}, text(job.error.code)),
        h('span', { class: 'cause' }, long(job.cause ?? job.error.message, job.id, this.open, this.tools.redraw, 240)),
        count(job.tries),
        h('span', { class: job.dead_letters ? null : 'zero' }, count(job.dead_letters)),
        when(job.last_failed_at),
        this.actions(job),
      ],
    };
  }

  /** Returns the section of dead letters without a failed record. */
  letters() {
    const letters = this.items.filter(({ kind }) => kind === 'message');
    if (letters.length === 0) return null;
    return section('Dead letters without a failed record', this.selection(letters) ?? h('span', { class: 'soft' }, count(letters.length)),
      lettersTable(this, letters));
  }

  /** Returns the buttons for the selected jobs of a list; null if none is selected. */
  selection(jobs) {
    const ids = jobs.filter(({ id }) => this.selected.has(id)).map(({ id }) => id);
    if (ids.length === 0) return null;
    const none = () => { for (const id of ids) this.selected.delete(id); this.tools.redraw(); };
    return h('span', { class: 'buttons', 'data-selection': true, key: 'selection' },
      h('strong', {}, `${count(ids.length)} selected`),
      h('button', { 'data-key': 'r', onclick: () => retry(this.queue, ids, this.tools) }, 'Retry…'),
      h('button', { 'data-key': 'f', class: 'final', onclick: () => forget(this.queue, ids, this.tools) }, 'Forget…'),
      h('button', { class: 'quiet', onclick: none }, 'Clear'));
  }

  /** Returns columns whose first selects all rows. */
  selectable(columns, jobs) {
    const number = jobs.filter(({ id }) => this.selected.has(id)).length;
    const all = (event) => {
      for (const { id } of jobs) event.target.checked ? this.selected.add(id) : this.selected.delete(id);
      this.tools.redraw();
    };
    const box = h('input', { type: 'checkbox', 'aria-label': 'Select all shown', checked: number === jobs.length, indeterminate: number > 0 && number < jobs.length, onchange: all });
    return [{ ...columns[0], head: box }, ...columns.slice(1)];
  }

  box(job) {
    const change = (event) => { event.target.checked ? this.selected.add(job.id) : this.selected.delete(job.id); this.tools.redraw(); };
    return h('input', { type: 'checkbox', 'data-key': 'x', 'aria-label': `Select ${job.id}`, checked: this.selected.has(job.id), onchange: change });
  }

  actions({ id }) {
    const hint = () => h('span', { class: 'unseen' }, ` ${id}`);
    return [
      h('button', { 'data-key': 'r', onclick: () => retry(this.queue, [id], this.tools) }, 'Retry…', hint()),
      h('button', { 'data-key': 'f', onclick: () => forget(this.queue, [id], this.tools) }, 'Forget…', hint()),
    ];
  }
}
