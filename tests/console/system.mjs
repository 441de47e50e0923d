// The system on this machine, with jobs that fail, letters that are dead, and a job that runs for long.

import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';

import { assert, until } from './browser.mjs';
import { HOSTILE } from './model.mjs';

/** A running system. */
export class System {
  static async start(binary, work) {
    const system = new System();
    mkdirSync(work, { recursive: true });
    const log = path.join(work, 'system.log');
    const data = path.join(work, 'data');
    const out = openSync(log, 'w');
    system.child = spawn(binary, ['serve', '--data', data, '--port', '0', '--aws-port', '0'], { stdio: ['ignore', out, out] });
    process.on('exit', () => system.child.kill('SIGINT'));
    const said = () => readFileSync(log, 'utf8');
    await until('the system starts', 90, () => system.child.exitCode !== null || /Ctrl-C/.test(said()));
    assert(system.child.exitCode === null, `the system ended: ${said()}`);
    const address = (name) => new RegExp(`^  ${name} +(http://\\S+)`, 'm').exec(said())?.[1];
    Object.assign(system, { api: address('API'), aws: address('AWS') });
    system.environment = Object.fromEntries(readFileSync(path.join(data, 'functions.env'), 'utf8').split('\n').map((line) => line.match(/^(\w+)="?(.*?)"?$/)?.slice(1)).filter(Boolean));
    return system;
  }

  stop() {
    this.child.kill('SIGINT');
    this.hanging?.closeAllConnections();
    this.hanging?.close();
  }

  /** Sends a request as a studio, or as an operator. Returns the body of its answer. */
  async call(who, method, route, body) {
    const token = who === 'operator' ? 'dev:operator:operator' : `dev:${who}`;
    const answer = await fetch(this.api + route, { method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
    const text = await answer.text();
    assert(answer.ok, `${method} ${route}: ${answer.status} ${text}`);
    return text && JSON.parse(text);
  }

  /** Uploads a photo, and returns its id when it has this status. */
  async photo(studio, filename, bytes, status) {
    const { photo, upload } = await this.call(studio, 'POST', '/photos', { filename, content_type: 'image/jpeg', size_bytes: bytes.length });
    const put = await fetch(upload.url, { method: upload.method, headers: upload.headers, body: bytes });
    assert(put.ok, `PUT: ${put.status}`);
    await until(`${filename} is ${status}`, 60, async () => (await this.call(studio, 'GET', `/photos/${photo.id}`)).status === status);
    return photo.id;
  }

  /** Sends a message to a queue behind the system's back. */
  async message(variable, body) {
    const headers = {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'AmazonSQS.SendMessage',
      authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/sqs/aws4_request, SignedHeaders=host, Signature=0',
    };
    const answer = await fetch(this.aws, { method: 'POST', headers, body: JSON.stringify({ QueueUrl: this.environment[variable], MessageBody: body }) });
    assert(answer.ok, `SendMessage: ${answer.status} ${await answer.text()}`);
  }

  /** Makes a shop that does not answer, whose delivery runs until its worker gives up. */
  async hangingShop(studio) {
    this.hanging = createServer(() => {});
    await new Promise((resolve) => this.hanging.listen(0, '127.0.0.1', resolve));
    await this.call(studio, 'POST', '/webhooks', { url: `http://127.0.0.1:${this.hanging.address().port}/` });
  }

  failed(queue, filter = '') {
    return this.call('operator', 'GET', `/queues/${queue}/failed${filter}`);
  }
}

/** Makes what the console is used on. */
export async function trouble(system) {
  const file = (n) => Buffer.from(`${'no photo at all '.repeat(4)}${n}`);
  const names = ['a.jpg', `${HOSTILE.html.slice(0, 60)}.jpg`, `${HOSTILE.rtl}.jpg`, `${HOSTILE.long.slice(0, 120)}.jpg`, 'e.jpg', 'f.jpg', 'g.jpg', 'h.jpg'];
  const photos = await Promise.all(names.map((name, n) => system.photo(n % 2 ? 'berta' : 'anna', name, file(n), 'failed')));
  const bodies = ['{"version":1,"job":"send_fax"}', HOSTILE.html, HOSTILE.rtl, 'x'.repeat(200_000)];
  for (const body of bodies) await system.message('PHOTOS_DLQ_URL', body);
  return photos;
}
