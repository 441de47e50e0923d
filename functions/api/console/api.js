// Requests to the API, and its refusals.

import * as session from './session.js';

/** The API has answered, or given up, within this time. */
const PATIENCE = 35_000;
const BASE = new URL('.', document.baseURI);

/** A refusal of the API, or no answer: `status` is 0. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? problem.message ?? `The API answered ${status}.`);
    this.status = status;
    this.type = problem.type ?? '';
    this.field = problem.field ?? null;
  }

  /** Whether this deployment has no such route. */
  get isAbsent() {
    return this.status === 404 && /route/.test(this.message) || this.status === 405;
  }

  get isForOperators() {
    return this.status === 403 && /operators-only|no-studio/.test(this.type);
  }
}

/** Sends a request and returns the body of its answer. A repeated request has no second effect. */
export async function call(method, path, body, signal) {
  const key = method === 'POST' ? crypto.randomUUID() : null;
  const send = () => request(method, path, body, key, signal);
  let answer = await send();
  if (answer.status === 401 && (await session.renew())) answer = await send();
  const said = await read(answer);
  if (answer.status === 401) throw new Refused(401, { detail: 'Your session has ended. Please sign in again.' });
  if (!answer.ok) throw new Refused(answer.status, said);
  return said;
}

export const get = (path, signal) => call('GET', path, undefined, signal);
export const post = (path, body) => call('POST', path, body);
export const remove = (path) => call('DELETE', path);

/** Returns the part of a path or query that names something. */
export const part = encodeURIComponent;

/** Returns a query of those parameters that have a value. */
export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== '');
  return given.length ? `?${new URLSearchParams(given)}` : '';
}

async function request(method, path, body, key, signal) {
  const headers = { authorization: `Bearer ${session.token()}`, accept: 'application/json' };
  if (key) headers['idempotency-key'] = key;
  if (body !== undefined) headers['content-type'] = 'application/json';
  const patience = AbortSignal.timeout(PATIENCE);
  try {
    return await fetch(new URL(path.slice(1), BASE), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
      cache: 'no-cache',
      credentials: 'omit',
      redirect: 'error',
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    const detail = patience.aborted ? 'The API did not answer in time.' : 'The API could not be reached.';
    throw new Refused(0, { detail });
  }
}

async function read(answer) {
  const said = await answer.text();
  try {
    return said ? JSON.parse(said) : {};
  } catch {
    return { detail: `The API answered ${answer.status} with something other than JSON.` };
  }
}
