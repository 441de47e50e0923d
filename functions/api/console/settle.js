// Retrying and forgetting of failed jobs: named ones at once, many by an operation.

import { part, post, query, remove } from './api.js';
import { confirm } from './dialog.js';
import { h } from './dom.js';
import { clock, count, plural, text } from './format.js';
import * as watch from './watch.js';

/** The API's limit of ids in a request. */
const AT_ONCE = 100;
/** Requests at a time that forget one job each. */
const SIDE_BY_SIDE = 4;
const NO_UNDO = 'This cannot be undone. The records stay failed, and are found by their IDs; the messages are deleted.';

/** Retries jobs after a question. */
export async function retry(queue, ids, tools) {
  const what = plural(ids.length, 'failed job');
  const result = await confirm({
    title: `Retry ${what}?`,
    lines: [name(queue, ids), 'Each begins anew from its first attempt. One that fails again is listed again.'],
    label: `Retry ${plural(ids.length, 'job')}`,
    run: async (progress, signal) => {
      const outcome = { retried: [], skipped: [] };
      for (let from = 0; from < ids.length && !signal.aborted; from += AT_ONCE) {
        const answer = await post(`/queues/${part(queue)}/failed/retry`, { ids: ids.slice(from, from + AT_ONCE) });
        outcome.retried.push(...answer.retried);
        outcome.skipped.push(...answer.skipped);
        progress(`${count(outcome.retried.length)} of ${count(ids.length)} retried`);
      }
      return outcome;
    },
  });
  if (!result) return;
  const { retried, skipped } = result;
  const first = retried.length === 1 && !retried[0].startsWith('dead_letter:') && retried[0].split(':');
  tools.say(`${plural(retried.length, 'job')} retried. `,
    first && h('a', { href: `#/records/${part(first[0])}/${part(first[1])}` }, 'Watch it'),
    skipped.length > 0 && [` ${count(skipped.length)} skipped: `, text(skipped[0].reason)]);
  tools.refresh();
}

/** Forgets jobs after a question. */
export async function forget(queue, ids, tools) {
  const result = await confirm({
    title: `Forget ${plural(ids.length, 'failed job')}?`,
    lines: [name(queue, ids), NO_UNDO],
    label: `Forget ${plural(ids.length, 'job')}`,
    isFinal: true,
    run: async (progress, signal) => {
      const outcome = { forgotten: 0, gone: 0 };
      const left = [...ids];
      const lane = async () => {
        while (left.length && !signal.aborted) {
          const id = left.shift();
          try {
            await remove(`/queues/${part(queue)}/failed/${part(id)}`);
            outcome.forgotten += 1;
          } catch (error) {
            if (error.status !== 404) throw error;
            outcome.gone += 1;
          }
          progress(`${count(outcome.forgotten + outcome.gone)} of ${count(ids.length)}`);
        }
      };
      // The requests share the dead letters of the queue, so those of few run one after another.
      await Promise.all(Array.from({ length: ids.some((id) => id.startsWith('dead_letter:')) ? 1 : SIDE_BY_SIDE }, lane));
      return outcome;
    },
  });
  if (!result) return;
  tools.say(`${plural(result.forgotten, 'job')} forgotten.`, result.gone > 0 && ` ${count(result.gone)} had left the list already.`);
  tools.refresh();
}

/** Retries all jobs of a selection, by an operation, after a question. Their number is that of `countedAt`, if that is set. */
export const retryMany = (queue, which, number, tools, countedAt) => begin(queue, which, number, tools, {
  countedAt,
  verb: 'Retry',
  about: 'An operation sends them again, page by page. It can be watched. Jobs that fail from now on are not affected.',
  send: () => post(`/queues/${part(queue)}/failed/retry`, { ...compact(which), ...(which.error ? {} : { all: true }) }),
});

/** Forgets all jobs of a selection, by an operation, after a question. */
export const forgetMany = (queue, which, number, tools, countedAt) => begin(queue, which, number, tools, {
  countedAt,
  verb: 'Forget',
  about: NO_UNDO,
  isFinal: true,
  send: () => remove(`/queues/${part(queue)}/failed${query({ ...which, all: which.error ? null : true })}`),
});

async function begin(queue, which, number, tools, { verb, about, send, isFinal, countedAt }) {
  const { error, studio } = which;
  const scope = ['Queue ', text(queue), error && [', error ', h('code', {}, text(error))], studio && [', studio ', text(studio)], '.'];
  const started = await confirm({
    title: `${verb} ${error || studio ? plural(number, 'failed job') : `all ${plural(number, 'failed job')}`}?`,
    lines: [scope, countedAt && ['There were so many at ', h('time', { datetime: countedAt }, clock(countedAt)), '; there may be more or fewer by now.'], about].filter(Boolean),
    label: `${verb} ${plural(number, 'job')}`,
    isFinal,
    run: send,
  });
  if (!started) return;
  const { operation } = started;
  watch.add(operation, number);
  tools.say(`${verb === 'Retry' ? 'Retrying' : 'Forgetting'} ${plural(number, 'job')}. `, h('a', { href: `#/operations/${part(operation.id)}` }, 'Watch the operation'));
  tools.refresh();
}

const compact = (which) => Object.fromEntries(Object.entries(which).filter(([, value]) => value));

/** Names the job of a question about one. */
const name = (queue, ids) => ['Queue ', text(queue), ids.length === 1 && [', ', h('code', {}, text(ids[0]))], '.'];
