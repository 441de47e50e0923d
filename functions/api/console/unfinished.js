// Jobs of a queue that run or wait.

import { get, part, query } from './api.js';
import { h } from './dom.js';
import { ago, clock, duration, exact, long, shortId, text, words } from './format.js';
import { refusal, section, table } from './table.js';

/** Jobs of a page. The API reads up to twice as many records, since what waits is found among what runs. */
const PAGES = { running: 20, waiting: 10 };
const NAMES = { running: 'Running now', waiting: 'Waiting' };
const COLUMNS = {
  running: [
    { name: 'Record', isHeader: true },
    { name: 'Job' },
    { name: 'Attempt', class: 'number' },
    { name: 'Started', class: 'number' },
    { name: 'For', class: 'number' },
    { name: 'Last cause', class: 'wide' },
  ],
  waiting: [
    { name: 'Record', isHeader: true },
    { name: 'Job' },
    { name: 'Phase' },
    { name: 'Attempts', class: 'number' },
    { name: 'Due', class: 'number' },
    { name: 'Last cause', class: 'wide' },
  ],
};

/** Returns the record of a job, with its studio, as a link to its story. */
export const recordLink = (studio, id) =>
  h('a', { href: `#/records/${part(studio)}/${part(id)}`, title: `${studio} ${id}` }, text(studio), ' ', h('code', {}, shortId(id)));

/** A list of unfinished jobs. */
export class Unfinished {
  pages = 1;
  items = [];
  next = null;
  error = null;
  open = new Set();

  constructor(queue, state, tools) {
    Object.assign(this, { queue, state, tools, rows: PAGES[state] });
  }

  /** Reads as many pages as are shown. A refusal is shown in place of the list. */
  async load(signal) {
    const items = [];
    try {
      let cursor = null;
      for (let page = 0; page < this.pages; page += 1) {
        const read = await get(`/queues/${part(this.queue)}/jobs${query({ state: this.state, limit: PAGES[this.state], cursor })}`, signal);
        items.push(...read.items);
        cursor = read.next_cursor;
        if (!cursor) break;
      }
      Object.assign(this, { items, next: cursor, error: null });
    } catch (error) {
      if (error.status === 401 || error.status === 403) throw error;
      this.error = error;
    }
  }

  section(view) {
    const items = this.items.slice(0, this.rows);
    const isPart = items.length < this.items.length || this.next;
    const more = () => {
      this.rows += PAGES[this.state];
      if (this.rows > this.items.length && this.next) {
        this.pages += 1;
        this.tools.refresh();
      } else this.tools.redraw();
    };
    const number = `${this.items.length}${this.next ? ' and more' : ''}`;
    const empty = this.next ? 'None among the first that were read.' : this.state === 'running' ? 'No job runs.' : view?.waiting ? 'No record waits; the messages are about something else.' : 'No job waits.';
    return section(NAMES[this.state], h('span', { class: 'soft' }, this.items.length > 0 && number),
      this.error?.isAbsent ? h('p', { class: 'soft' }, 'Not available in this deployment.')
        : this.error ? refusal(this.error)
          : table({ caption: NAMES[this.state], columns: COLUMNS[this.state], rows: items.map((job) => this.row(job)), empty }),
      isPart && h('p', {}, h('button', { onclick: more }, 'Show more')));
  }

  row(job) {
    const key = `${job.studio} ${job.record_id}`;
    const cause = job.cause ? long(job.cause, key, this.open, this.tools.redraw, 200) : '';
    const last = job.attempts.at(-1);
    const specific = this.state === 'running'
      ? [job.attempts.length ? job.tries : '–', last ? h('time', { datetime: last.started_at, title: exact(last.started_at) }, clock(last.started_at)) : '–', last ? duration((Date.now() - new Date(last.started_at)) / 1000) : '–']
      : [words(job.phase), job.tries, job.due_at ? h('time', { datetime: job.due_at, title: exact(job.due_at) }, ago(job.due_at)) : '–'];
    return { key, cells: [recordLink(job.studio, job.record_id), words(job.job), ...specific, cause && h('span', { class: 'cause' }, cause)] };
  }
}
