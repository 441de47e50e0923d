// The story of a record: its job, each attempt, the records that belong to it, and what happened in order of time.

import { get, part } from './api.js';
import { h } from './dom.js';
import { clock, duration, exact, long, shortId, text, when, words } from './format.js';
import { forget, retry } from './settle.js';
import { section, table } from './table.js';

const ATTEMPTS = [
  { name: 'Attempt', isHeader: true },
  { name: 'Started', class: 'number' },
  { name: 'Took', class: 'number' },
  { name: 'Outcome' },
  { name: 'Cause', class: 'wide' },
  { name: 'Log' },
];
const RELATED = [
  { name: 'Record', isHeader: true },
  { name: 'Title', class: 'wide' },
  { name: 'Status' },
  { name: 'Created', class: 'number' },
];
const TIMELINE = [
  { name: 'Time', isHeader: true, class: 'number' },
  { name: 'After', class: 'number' },
  { name: 'Record' },
  { name: 'Step' },
  { name: 'Detail', class: 'wide' },
];
const LOOKS = { failed: 'bad', ready: 'good', sent: 'good', done: 'good', delivered: 'good', processing: 'busy', running: 'busy', retrying: 'warn' };

export function record([studio, id], _, tools) {
  const open = new Set();
  return {
    title: `Record ${shortId(id)}`,
    heading: ['Record ', h('code', {}, text(shortId(id)))],
    crumb: h('p', { class: 'crumb', key: 'crumb' }, h('a', { href: `#/search?studio=${part(studio)}` }, 'Search')),
    load: (signal) => get(`/jobs/${part(studio)}/${part(id)}`, signal),
    render: (story) => [
      facts(story),
      story.job && job(story, open, tools),
      related(story),
      timeline(story, open, tools),
    ],
  };
}

const state = (status) => h('span', { class: `state ${LOOKS[status] ?? ''}` }, words(status));
const fact = (name, ...value) => h('div', {}, h('dt', {}, name), h('dd', {}, value));

function facts({ studio, record }) {
  return h('dl', { class: 'facts', key: 'facts' },
    fact('Kind', words(record.kind)),
    fact('Status', state(record.status)),
    record.title && fact('Title', text(record.title)),
    fact('Studio', text(studio)),
    fact('Created', exact(record.created_at)),
    fact('ID', h('code', {}, text(record.id))));
}

function job({ studio, job }, open, tools) {
  const id = `${studio}:${job.record_id}`;
  const actions = job.phase === 'failed' && h('span', { class: 'buttons' },
    h('button', { 'data-key': 'r', onclick: () => retry(job.queue, [id], tools) }, 'Retry…'),
    h('button', { 'data-key': 'f', class: 'final', onclick: () => forget(job.queue, [id], tools) }, 'Forget…'));
  const attempts = job.attempts.map((attempt, n) => row(attempt, n + 1, open, tools));
  return section('Job', actions,
    h('dl', { class: 'facts' },
      fact('Job', words(job.job)),
      fact('Queue', h('a', { href: `#/queues/${part(job.queue)}` }, job.queue)),
      fact('Phase', state(job.phase)),
      fact('Attempts', job.tries),
      job.due_at && fact('Due', exact(job.due_at)),
      job.error && fact('Error', h('code', {}, text(job.error.code)), ' ', text(job.error.message)),
      job.cause && h('div', { class: 'broad' }, h('dt', {}, 'Cause'), h('dd', { class: 'cause' }, long(job.cause, 'cause', open, tools.redraw)))),
    table({ caption: 'Attempts', columns: ATTEMPTS, rows: attempts, empty: 'No attempt is on record.' }));
}

function row(attempt, number, open, tools) {
  const { started_at, ended_at, outcome, cause, request_id, logs_url } = attempt;
  const took = ended_at ? duration((new Date(ended_at) - new Date(started_at)) / 1000) : outcome ? '–' : duration((Date.now() - new Date(started_at)) / 1000);
  const isPage = /^https:\/\//.test(logs_url ?? '');
  return {
    key: started_at,
    cells: [
      number,
      exact(started_at),
      took,
      outcome ? state(outcome) : h('span', { class: 'state busy' }, 'running or lost'),
      cause ? h('span', { class: 'cause' }, long(cause, started_at, open, tools.redraw, 400)) : '',
      isPage ? h('a', { href: logs_url, target: '_blank', rel: 'noopener noreferrer' }, 'CloudWatch') : request_id ? h('code', { title: request_id }, text(shortId(request_id))) : '–',
    ],
  };
}

function related({ studio, related }) {
  if (related.length === 0) return null;
  const rows = related.map((one) => ({
    key: one.id,
    cells: [
      h('a', { href: `#/records/${part(studio)}/${part(one.id)}`, title: one.id }, words(one.kind), ' ', h('code', {}, shortId(one.id))),
      text(one.title),
      state(one.status),
      when(one.created_at),
    ],
  }));
  return section('Records that belong to it', null, table({ caption: 'Records that belong to it', columns: RELATED, rows }));
}

function timeline({ studio, record, timeline }, open, tools) {
  let day = '';
  const rows = timeline.map((step, n) => {
    const date = exact(step.at).split(',')[0];
    const isNew = date !== day;
    day = date;
    const before = timeline[n - 1];
    const key = `${n} ${step.at} ${step.step}`;
    return {
      key,
      cells: [
        h('time', { datetime: step.at, title: exact(step.at) }, isNew && h('span', { class: 'soft day' }, `${date} `), clock(step.at)),
        before ? `+${duration((new Date(step.at) - new Date(before.at)) / 1000)}` : '',
        step.id === record.id ? h('strong', {}, words(step.kind)) : h('a', { href: `#/records/${part(studio)}/${part(step.id)}`, title: step.id }, words(step.kind), ' ', h('code', {}, shortId(step.id))),
        h('span', { class: 'step' }, text(words(step.step))),
        step.detail ? h('span', { class: 'cause' }, long(step.detail, key, open, tools.redraw, 400)) : '',
      ],
    };
  });
  return section('Timeline', null, table({ caption: 'Timeline', columns: TIMELINE, rows, empty: 'Nothing is on record.' }));
}
