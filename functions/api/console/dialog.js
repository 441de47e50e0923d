// Dialogs: a question before an action, with its progress and its refusal, and plain texts.

import { h, update } from './dom.js';

/** Shows a text until it is closed. */
export function show(title, content) {
  const dialog = open(title);
  const close = () => dialog.close();
  dialog.append(...[content].flat(), h('div', { class: 'actions' }, h('button', { class: 'main', onclick: close, autofocus: true }, 'Close')));
  dialog.showModal();
}

/**
 * Asks whether to run an action, and runs it. Returns what it returned; null if it was not run. `run` gets a function that
 * shows progress, and a signal that ends it. A final action has the focus on Cancel.
 */
export function confirm({ title, lines, label, isFinal = false, run }) {
  return new Promise((resolve) => {
    const dialog = open(title);
    const stop = new AbortController();
    const state = { isRunning: false, progress: '', error: null };
    let result = null;
    const body = h('div', { class: 'body' });
    dialog.append(body);
    const draw = () => update(body,
      lines.filter(Boolean).map((line) => h('p', {}, line)),
      state.progress && h('p', { class: 'soft', role: 'status' }, state.progress),
      state.error && h('div', { class: 'notice bad', role: 'alert' }, h('p', {}, state.error.message)),
      h('div', { class: 'actions' },
        h('button', { key: 'cancel', autofocus: isFinal, onclick: cancel }, state.isRunning ? 'Stop' : 'Cancel'),
        h('button', { key: 'run', class: isFinal ? 'final' : 'main', autofocus: !isFinal, onclick: begin, 'aria-disabled': state.isRunning && 'true' }, state.error ? 'Try again' : label)));
    const cancel = () => {
      stop.abort();
      if (!state.isRunning) dialog.close();
    };
    const begin = async () => {
      if (state.isRunning) return;
      Object.assign(state, { isRunning: true, error: null });
      draw();
      try {
        result = await run((progress) => { state.progress = progress; draw(); }, stop.signal);
        dialog.close();
      } catch (error) {
        Object.assign(state, { isRunning: false, error, progress: '' });
        draw();
      }
    };
    dialog.addEventListener('cancel', (event) => {
      if (state.isRunning) event.preventDefault();
    });
    dialog.addEventListener('close', () => resolve(result));
    draw();
    dialog.showModal();
    body.querySelector('[autofocus]')?.focus();
  });
}

function open(title) {
  const id = `dialog-${crypto.randomUUID()}`;
  const dialog = h('dialog', { 'aria-labelledby': id }, h('h2', { id }, title));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  return dialog;
}
