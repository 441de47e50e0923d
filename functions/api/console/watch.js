// Operations that this window started. Their ids outlive a reload, and end with the window.

import { get, part } from './api.js';

const STARTED = 'darkroom.console.operations';
const EVERY = 2000;
/** Oldest ones are left out of a longer list. */
const KEPT = 50;

let started = JSON.parse(sessionStorage.getItem(STARTED) ?? '[]');
let tell = () => {};
let timer = 0;

/** Calls a function when an operation has progressed. */
export const changed = (call) => { tell = call; };

export const all = () => started;
export const hasEnded = (view) => ['done', 'failed'].includes(view?.status);
export const running = () => started.filter(({ view }) => !hasEnded(view)).length;
export const find = (id) => started.find((one) => one.id === id);

/** Follows an operation to its end. `total` is the number of jobs that it was asked for. */
export function add(view, total) {
  started = [{ id: view.id, total, view }, ...started].slice(0, KEPT);
  keep();
  follow();
}

/** Asks for the operations that run, again and again until none does. */
export function follow() {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    if (!document.hidden) await Promise.all(started.filter(({ view }) => !hasEnded(view)).map(ask));
    if (running() > 0) follow();
  }, EVERY);
}

async function ask(one) {
  try {
    one.view = await get(`/operations/${part(one.id)}`);
    one.error = null;
  } catch (error) {
    one.error = error.message;
    if (error.status === 404) one.view = { ...one.view, status: 'failed' };
  }
  keep();
  tell();
}

function keep() {
  sessionStorage.setItem(STARTED, JSON.stringify(started));
}
