// A model of the API, with states that a system on one machine reaches seldom or slowly: long backlogs, metrics of a week,
// paused queues, hostile texts, 10,000 errors, an issuer of tokens. It serves the console's files with the headers of the API.

import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';

const NAMES = ['emails', 'photos', 'uploads', 'downloads', 'webhooks', 'default'];
const STEPS = { '1h': 60, '24h': 900, '7d': 7200 };
const SPANS = { '1h': 3600, '24h': 86_400, '7d': 604_800 };
const MEDIA = { css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml', html: 'text/html', json: 'application/json' };

/** Texts that must do nothing but be read. */
export const HOSTILE = {
  html: '<img src=x onerror="globalThis.harmed=1"><script>globalThis.harmed=1</script>',
  rtl: 'قاعة الزفاف \u202egpj.exe',
  long: 'Hochzeitsfotografie'.repeat(11).slice(0, 200),
  control: 'line\u0007 \u001b[31mred\u0000',
};

const id = (n) => `0199e0a0-${String(n % 10_000).padStart(4, '0')}-7000-8000-${createHash('sha1').update(String(n)).digest('hex').slice(0, 12)}`;

/** A server with this content. `state` can be changed while it runs; `requests` are those that changed something. */
export class Model {
  static async start(folder, options = {}) {
    const model = new Model();
    Object.assign(model, { folder, requests: [], seen: [], state: { ...stateOf(), ...options } });
    model.server = createServer((request, response) => model.serve(request, response).catch((error) => {
      console.error(error);
      response.writeHead(500).end();
    }));
    await new Promise((resolve) => model.server.listen(options.port ?? 0, '127.0.0.1', resolve));
    model.url = `http://127.0.0.1:${model.server.address().port}`;
    return model;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  async serve(request, response) {
    const url = new URL(request.url, this.url);
    let text = '';
    for await (const chunk of request) text += chunk;
    const send = (status, body, headers = {}) => {
      response.writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json', 'cache-control': 'private, no-cache', ...headers });
      response.end(body === undefined ? '' : JSON.stringify(body));
    };
    if (url.pathname === '/console' || url.pathname.startsWith('/console/')) return this.file(url.pathname, response, send);
    if (url.pathname.startsWith('/issuer/')) return this.issue(url, text, request, response, send);
    this.seen.push(`${request.method} ${url.pathname}${url.search}`);
    const refusal = this.state.refuse?.(request.method, url.pathname);
    if (refusal) return send(...refusal);
    const bearer = request.headers.authorization ?? '';
    if (!this.accepts(bearer)) return send(401, { message: 'Unauthorized' });
    if (!(bearer.endsWith(':operator') || this.state.issuer)) return send(403, { type: '/problems/operators-only', title: 'Operators only', status: 403, detail: 'This route is for operators only.' });
    const body = text ? JSON.parse(text) : null;
    if (request.method !== 'GET') this.requests.push({ method: request.method, path: url.pathname + url.search, body, key: request.headers['idempotency-key'] });
    const [status, answer] = this.answer(request.method, url, body) ?? [404, { type: '/problems/not-found', title: 'Not found', status: 404, detail: 'There is no such route.' }];
    send(status, answer);
  }

  accepts(bearer) {
    if (!this.state.issuer) return /^Bearer dev:/.test(bearer);
    return this.state.tokens.has(bearer.replace('Bearer ', ''));
  }

  file(name, response, send) {
    const { issuer } = this.state;
    if (name === '/console/config.json') {
      return send(200, { issuer: issuer ? `${this.url}/issuer` : null, client_id: issuer ? 'console' : null, local: !issuer, region: 'eu-central-1' });
    }
    const file = path.join(this.folder, name === '/console' ? 'index.html' : path.basename(name));
    const headers = { 'content-type': MEDIA[file.split('.').pop()], 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };
    if (name === '/console') {
      headers['content-security-policy'] = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
    }
    response.writeHead(200, headers).end(readFileSync(file));
  }

  /** The issuer: discovery, a sign-in without questions, tokens, and the end of the session. */
  issue(url, text, request, response, send) {
    const { state } = this;
    const issuer = `${this.url}/issuer`;
    const form = new URLSearchParams(text);
    const token = (nonce) => {
      const claims = { iss: issuer, aud: 'console', exp: Math.floor(Date.now() / 1000) + 3600, nonce, email: 'ops@example.com' };
      const made = ['{}', JSON.stringify(claims), randomUUID()].map((one) => Buffer.from(one).toString('base64url')).join('.');
      state.tokens.add(made);
      return made;
    };
    switch (url.pathname) {
      case '/issuer/.well-known/openid-configuration':
        return send(200, { issuer, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token`, end_session_endpoint: `${issuer}/logout` });
      case '/issuer/authorize': {
        const asked = Object.fromEntries(url.searchParams);
        state.asked.push(asked);
        const back = new URL(asked.redirect_uri);
        if (state.denies) back.searchParams.set('error', 'access_denied');
        else back.searchParams.set('code', 'c-1');
        back.searchParams.set('state', state.forges ? 'forged' : asked.state);
        return response.writeHead(302, { location: back.href }).end();
      }
      case '/issuer/token': {
        state.exchanged.push(Object.fromEntries(form));
        if (form.get('grant_type') === 'refresh_token') return send(state.refreshes ? 200 : 400, state.refreshes ? { id_token: token() } : { error: 'invalid_grant' });
        const asked = state.asked.at(-1);
        const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
        if (challenge !== asked.code_challenge) return send(400, { error: 'invalid_grant', error_description: 'The verifier is wrong.' });
        return send(200, { id_token: token(state.replays ? 'another' : asked.nonce), access_token: 'a', ...(state.refreshes && { refresh_token: 'r-1' }) });
      }
      case '/issuer/logout':
        return response.writeHead(302, { location: url.searchParams.get('post_logout_redirect_uri') }).end();
    }
    send(404, {});
  }

  answer(method, url, body) {
    const { state } = this;
    const parts = url.pathname.split('/').slice(1).map(decodeURIComponent);
    const asked = Object.fromEntries(url.searchParams);
    const [place, name, what, last] = parts;
    const route = `${method} ${place}${parts.length > 1 ? '/' : ''}${parts.slice(2).join('/')}`;
    if (route === 'GET queues') return [200, { queues: state.queues.map((view) => ({ ...view, ...(state.hasPause ? {} : { paused: undefined }) })) }];
    if (route === 'GET studios') return [200, { items: state.studios, complete: state.isCounted }];
    if (route === 'GET studios/orders') return [200, { items: state.orders.filter(({ title }) => title === asked.reference) }];
    if (place === 'operations') return this.operation(name);
    if (place === 'jobs') return state.stories[what] ? [200, state.stories[what]] : [404, { detail: 'There is no such record.' }];
    const queue = state.queues.find((view) => view.queue === name);
    if (!queue) return [404, { detail: 'There is no such queue.' }];
    if (what === 'metrics') return state.hasMetrics ? [200, metrics(name, asked.period)] : null;
    if (what === 'jobs') return [200, page(asked.state === 'running' ? state.running[name] ?? [] : state.waiting[name] ?? [], asked)];
    if (what === 'pause' || what === 'resume') {
      if (!state.hasPause) return null;
      if (name === 'default') return [409, { detail: 'This queue runs operations, and is never paused.' }];
      queue.paused = what === 'pause' ? { at: new Date().toISOString(), by: 'ops', until: new Date(Date.now() + 86_400_000).toISOString() } : null;
      queue.verdict = what === 'pause' ? 'paused' : 'ok';
      return [200, { queue: name, paused: queue.paused }];
    }
    if (what === 'failed') return this.failed(method, name, last, asked, body);
    return null;
  }

  failed(method, name, last, asked, body) {
    const all = this.state.failed[name] ?? [];
    const chosen = ({ error, studio }) => all.filter((job) => (!error || job.error.code === error) && (!studio || job.studio === studio));
    const drop = (jobs) => {
      this.state.failed[name] = all.filter((job) => !jobs.includes(job));
      this.state.queues.find(({ queue }) => queue === name).failed -= jobs.length;
    };
    if (method === 'GET') {
      const jobs = chosen(asked);
      const groups = asked.cursor ? null : this.state.groups?.[name] ?? groupsOf(jobs);
      return [200, { ...page(jobs, asked), groups, groups_counted_at: asked.cursor || asked.studio ? null : this.state.countedAt ?? null }];
    }
    if (method === 'POST' && body.ids) {
      const jobs = all.filter((job) => body.ids.includes(job.id));
      drop(jobs);
      const skipped = body.ids.filter((one) => !jobs.some((job) => job.id === one));
      return [200, { retried: jobs.map((job) => job.id), skipped: skipped.map((one) => ({ id: one, reason: 'It has not failed, or has been retried since.' })) }];
    }
    if (method === 'DELETE' && last) {
      const job = all.find((one) => one.id === last);
      if (!job) return [404, { detail: 'There is no such failed job.' }];
      drop([job]);
      return [200, { forgotten: last }];
    }
    const selection = method === 'POST' ? body : asked;
    const jobs = chosen(selection);
    drop(jobs);
    const view = { id: id(9000 + this.state.operations.size), kind: method === 'POST' ? 'retry' : 'forget', queue: 'default', status: 'pending', selection: { error: selection.error, studio: selection.studio }, done: 0, error: null, created_at: new Date().toISOString(), ended_at: null };
    this.state.operations.set(view.id, { view, total: jobs.length, began: Date.now() });
    return [202, { operation: view }];
  }

  operation(name) {
    const found = this.state.operations.get(name);
    if (!found) return [404, { detail: 'There is no such operation.' }];
    const share = Math.min(1, (Date.now() - found.began) / this.state.operationTakes);
    found.view.done = Math.floor(found.total * share);
    found.view.status = share === 1 ? 'done' : 'processing';
    found.view.ended_at = share === 1 ? (found.view.ended_at ?? new Date().toISOString()) : null;
    return [200, found.view];
  }
}

function page(list, { limit = 50, cursor = 0 }) {
  const end = Number(cursor) + Number(limit);
  return { items: list.slice(Number(cursor), end), next_cursor: end < list.length ? String(end) : null };
}

function groupsOf(jobs) {
  const groups = new Map();
  for (const job of jobs) {
    const at = job.last_failed_at ?? job.first_failed_at;
    const group = groups.get(job.error.code) ?? { code: job.error.code, message: job.error.message, cause: job.cause, count: 0, first_failed_at: job.first_failed_at, last_failed_at: at };
    group.count += 1;
    if (job.first_failed_at < group.first_failed_at) group.first_failed_at = job.first_failed_at;
    if (at > group.last_failed_at) group.last_failed_at = at;
    groups.set(job.error.code, group);
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

function metrics(queue, period = '24h') {
  const step = STEPS[period];
  const number = SPANS[period] / step;
  const busy = { photos: 60, emails: 14, uploads: 40, downloads: 5, webhooks: 22, default: 2 }[queue];
  const points = Array.from({ length: number }, (_, n) => {
    const wave = 0.55 + 0.45 * Math.sin((n / number) * 6.28 * (period === '7d' ? 7 : 1) + queue.length);
    const noise = ((n * 7919 + queue.length * 31) % 97) / 97;
    const done = Math.round(busy * wave * (0.8 + 0.3 * noise));
    const failed = noise > 0.9 ? Math.ceil(busy * 0.08) : 0;
    const p50 = done ? Math.round(180 * (1 + 0.3 * noise) * (queue === 'photos' ? 6 : 1)) : null;
    return { at: new Date(Date.now() - (number - n) * step * 1000).toISOString(), done, failed, retried: noise > 0.8 ? 1 : 0, run_p50_ms: p50, run_p95_ms: p50 && Math.round(p50 * (2.2 + 0.8 * noise + (noise > 0.95 ? 2 : 0))), wait_p95_ms: done ? Math.round(400 + 3000 * wave + 400 * noise) : null };
  });
  const sum = (name) => points.reduce((total, point) => total + point[name], 0);
  return { queue, period, step_seconds: step, points, done: sum('done'), failed: sum('failed'), retried: sum('retried') };
}

/** Returns what a middling deployment on a bad day looks like. */
export function stateOf() {
  const now = Date.now();
  const at = (secondsAgo) => new Date(now - secondsAgo * 1000).toISOString();
  const ERRORS = [
    ['tries_exhausted', 'All attempts failed.', 'S3 GetObject originals/anna/0199e0a0: 503 SlowDown: Please reduce your request rate, after 3 tries in 41 s'],
    ['damaged', 'The file is damaged: it ends in the middle of the picture.', null],
    ['not_a_photo', 'The file is no photo, but a PDF.', null],
    ['too_large', 'The photo has 620 megapixels; 500 are the limit.', null],
    ['unsupported_format', 'This RAW file’s compression is not supported.', 'LJPEG predictor 7 in tile 3 of 12'],
  ];
  const failed = Array.from({ length: 143 }, (_, n) => {
    const [code, message, cause] = ERRORS[Math.min(ERRORS.length - 1, [0, 0, 0, 1, 1, 2, 0, 3, 1, 4][n % 10])];
    const studio = ['anna', 'berta', 'clara-wedding-photography'][n % 3];
    return {
      id: `${studio}:${id(n)}`, kind: 'record', job: 'process_photo', studio, record_id: id(n), tries: code === 'tries_exhausted' ? 3 : 1,
      error: { code, message }, cause: cause && `${cause} (${n})`, first_failed_at: at(n * 487 + 900), last_failed_at: at(n * 487), dead_letters: code === 'tries_exhausted' ? 1 : 0,
    };
  });
  const texts = Object.values(HOSTILE);
  texts.forEach((value, n) => {
    failed[n + 1].cause = value;
    failed[n + 1].error = { code: n === 0 ? 'hostile' : failed[n + 1].error.code, message: value };
  });
  const letter = (n, body, more) => ({ id: `dead_letter:${createHash('md5').update(String(n)).digest('hex').slice(0, 8)}-${n}`, kind: 'message', job: null, studio: null, record_id: null, tries: 4 + n, error: { code: 'undecodable', message: 'The body is no job of this release.' }, cause: null, first_failed_at: at(3600 * (n + 1)), last_failed_at: null, dead_letters: 1, body, body_bytes: body?.length ?? 0, ...more });
  const letters = [
    letter(0, '{"version":1,"job":"send_fax","studio":"anna","id":"0199e0a0-0000-7000-8000-000000000001"}'),
    letter(1, 'x'.repeat(1 << 20), { body_bytes: 1 << 20 }),
    letter(2, null, { body_bytes: 88_412 }),
    letter(3, `${HOSTILE.html} ${HOSTILE.rtl}`),
    letter(4, '{"version":1,"job":"send_email","studio":"anna","id":"0199e0a0-0000-7000-8000-000000000007"}', { job: 'send_email', studio: 'anna', record_id: id(7), error: { code: 'not_begun', message: 'No worker has claimed the record yet.' } }),
  ];
  const attempt = (started, ended, outcome, cause) => ({ started_at: at(started), ended_at: ended === null ? null : at(ended), outcome, cause, request_id: '8f4b1c9e-0000-4000-8000-00000000abcd', logs_url: 'https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#logsV2' });
  const job = (n, queue, kind, phase, more) => ({ job: kind, queue, studio: ['anna', 'berta', 'clara-wedding-photography'][n % 3], record_id: id(n), phase, tries: 1, due_at: at(-240), error: null, cause: null, attempts: [attempt(14 + n * 9, null, null, null)], ...more });
  const healthy = (waiting, oldest_seconds, most) => ({ waiting, oldest_seconds, failed: most, dead_letters: 0 });
  const view = (queue, numbers, limits, verdict = 'ok', reasons = [], paused = null) => {
    const [waiting, in_flight, delayed, oldest_seconds, failed, dead_letters] = numbers;
    return { queue, waiting, in_flight, delayed, oldest_seconds, failed, dead_letters, healthy: limits, verdict, reasons, paused };
  };
  const story = {
    studio: 'anna',
    record: { kind: 'photo', id: id(7), status: 'failed', title: `${HOSTILE.html}.jpg`, created_at: at(90_000) },
    job: { ...job(7, 'photos', 'process_photo', 'failed'), studio: 'anna', tries: 3, due_at: null, error: { code: 'tries_exhausted', message: 'All attempts failed.' }, cause: ERRORS[0][2], attempts: [attempt(86_000, 85_960, 'retry', ERRORS[0][2]), attempt(85_900, 85_890, 'unavailable', 'DynamoDB: throttled'), attempt(3500, 3460, 'failed', ERRORS[0][2])] },
    related: [
      { kind: 'order', id: id(501), status: 'open', title: HOSTILE.rtl, created_at: at(80_000) },
      { kind: 'download', id: id(502), status: 'ready', title: '', created_at: at(70_000) },
      { kind: 'email', id: id(503), status: 'sent', title: 'download_ready', created_at: at(69_000) },
    ],
    timeline: [
      { at: at(90_000), kind: 'photo', id: id(7), step: 'created', detail: null },
      { at: at(86_000), kind: 'photo', id: id(7), step: 'attempt_started', detail: null },
      { at: at(85_960), kind: 'photo', id: id(7), step: 'attempt_ended', detail: `retry: ${ERRORS[0][2]}` },
      { at: at(80_000), kind: 'order', id: id(501), step: 'created', detail: null },
      { at: at(70_000), kind: 'download', id: id(502), step: 'ready', detail: null },
      { at: at(69_000), kind: 'email', id: id(503), step: 'sent', detail: null },
      { at: at(3500), kind: 'photo', id: id(7), step: 'attempt_started', detail: null },
      { at: at(3460), kind: 'photo', id: id(7), step: 'failed', detail: HOSTILE.long },
      { at: at(3459), kind: 'photo', id: id(7), step: 'photo.failed', detail: null },
    ],
  };
  return {
    issuer: false, tokens: new Set(), asked: [], exchanged: [], refreshes: false,
    hasPause: true, hasMetrics: true, isCounted: true, operationTakes: 6000, operations: new Map(), orders: [story.related[0], { ...story.related[0], id: id(504), title: 'A-1017', status: 'erased' }],
    queues: [
      view('emails', [3, 1, 2, 4, 0, 0], healthy(1000, 900, 0)),
      view('uploads', [0, 0, 0, null, 0, 0], healthy(5000, 900, 0)),
      view('photos', [5214, 20, 14, 1260, 143, 5], healthy(5000, 1800, 50), 'failing', ['failed jobs: 143, 50 allowed', 'dead letters: 5, 0 allowed', 'messages that wait: 5214, 5000 allowed']),
      view('downloads', [231, 5, 0, 2140, 0, 0], healthy(200, 3600, 0), 'behind', ['messages that wait: 231, 200 allowed']),
      view('webhooks', [87, 0, 0, 610, 0, 0], healthy(5000, 1800, 0), 'paused', [], { at: at(640), by: 'ops', until: at(-86_400) }),
      view('default', [1, 1, 0, 2, 0, 0], healthy(200, 1800, 0)),
    ],
    failed: { photos: [...letters, ...failed] },
    running: { photos: [0, 1, 2, 3].map((n) => job(n, 'photos', 'process_photo', 'running')), default: [job(8, 'default', 'operate', 'running')] },
    waiting: { photos: Array.from({ length: 120 }, (_, n) => job(20 + n, 'photos', 'process_photo', n % 9 === 4 ? 'retrying' : 'waiting', n % 9 === 4 ? { cause: ERRORS[0][2] } : { attempts: [], tries: 0 })) },
    stories: { [id(7)]: story },
    studios: [
      { studio: 'anna', name: 'Anna Fotografie', unfinished: 4120, failed: 51 },
      { studio: 'clara-wedding-photography', name: HOSTILE.html, unfinished: 811, failed: 46 },
      { studio: 'berta', name: null, unfinished: 214, failed: 46 },
      { studio: 'dora', name: HOSTILE.rtl, unfinished: 3, failed: 0 },
      { studio: 'emil', name: HOSTILE.long, unfinished: 0, failed: 0 },
    ],
  };
}

/** Makes so many groups, each of one job. */
export const manyGroups = (number) => Array.from({ length: number }, (_, n) => ({ code: `error_${n}`, message: `Message ${n}`, cause: `Cause ${n}`, count: number - n, first_failed_at: new Date(Date.now() - 1e7).toISOString(), last_failed_at: new Date().toISOString() }));

if (process.argv[1]?.endsWith('model.mjs')) {
  const model = await Model.start(process.argv[2], { port: Number(process.argv[3] ?? 0) });
  console.log(model.url);
}
