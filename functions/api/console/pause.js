// Pausing and resuming of a queue.

import { part, post } from './api.js';
import { confirm } from './dialog.js';
import { h } from './dom.js';
import { exact, text, when } from './format.js';

/** Its worker carries out operations, among them those that the console starts. */
const NEVER = 'default';

/** Returns the button that pauses or resumes a queue; what is said in its place when it can't be. */
export function pauseButton(view, tools) {
  if (!('paused' in view) || view.queue === NEVER) return '';
  const name = view.paused ? 'Resume' : 'Pause';
  return h('button', { 'data-key': 'p', onclick: () => toggle(view, tools) }, `${name}…`, h('span', { class: 'unseen' }, ` ${view.queue}`));
}

/** Returns who paused a queue, and until when. */
export function pausedBy({ paused }) {
  if (!paused) return null;
  return ['Paused by ', text(paused.by), ' ', when(paused.at), paused.until ? [', until ', h('time', { datetime: paused.until }, exact(paused.until).slice(0, -3))] : ', until it is resumed', '.'];
}

async function toggle(view, tools) {
  const { queue, paused } = view;
  const done = await confirm(paused
    ? { title: `Resume ${queue}?`, lines: [`Its worker begins with ${view.waiting} waiting messages.`], label: `Resume ${queue}`, run: () => send(queue, 'resume') }
    : { title: `Pause ${queue}?`, lines: ['Its worker takes no more messages. Jobs that run are finished, and messages wait. It can be resumed at any time.'], label: `Pause ${queue}`, run: () => send(queue, 'pause') });
  if (!done) return;
  const undo = async () => {
    try {
      await send(queue, done.paused ? 'resume' : 'pause');
      tools.say(`${queue} is ${done.paused ? 'running again' : 'paused again'}.`);
    } catch (error) {
      tools.say(error.message);
    }
    tools.refresh();
  };
  tools.say(`${queue} is ${done.paused ? 'paused' : 'running again'}. `, h('button', { class: 'link', onclick: undo }, 'Undo'));
  tools.refresh();
}

async function send(queue, action) {
  try {
    return await post(`/queues/${part(queue)}/${action}`);
  } catch (error) {
    if (error.isAbsent) error.message = 'This deployment cannot pause queues.';
    throw error;
  }
}
