// The system on this machine, with a clock that can be moved, and the API as studios use it.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { AwsClient } from 'aws4fetch';

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export function assert(holds, sentence) {
  if (!holds) throw new Error(sentence);
}

/** Waits until a function returns something true, and returns it. */
export async function until(what, seconds, ask) {
  for (const end = Date.now() + 1000 * seconds; Date.now() < end; await pause(50)) {
    const found = await ask();
    if (found) return found;
  }
  throw new Error(`${what}: not within ${seconds} s`);
}

/** Calls a function for each item, at most `width` at a time. Returns the results in order. */
export async function parallel(width, items, call) {
  const results = [];
  const queue = items.entries();
  const lane = async () => {
    for (const [n, item] of queue) results[n] = await call(item, n);
  };
  await Promise.all(Array.from({ length: width }, lane));
  return results;
}

/** `local serve` under libfaketime, whose clock is `minutes` ahead of the machine's. */
export class System {
  static async start(binary, work, minutes) {
    const system = new System();
    mkdirSync(work, { recursive: true });
    system.data = path.join(work, 'data');
    system.offset = path.resolve(work, 'clock');
    system.moveTo(minutes);
    // `faketime` knows where the library is.
    const preload = spawnSync('faketime', ['-f', '+0', 'sh', '-c', 'printf %s "$LD_PRELOAD"'], { encoding: 'utf8' });
    assert(preload.stdout, 'libfaketime was not found');
    const log = path.join(work, 'system.log');
    const out = openSync(log, 'w');
    system.child = spawn(binary, ['serve', '--data', system.data, '--port', '0', '--aws-port', '0'], {
      stdio: ['ignore', out, out],
      env: {
        ...process.env,
        LD_PRELOAD: preload.stdout.replace(/libfaketime\.so/, 'libfaketimeMT.so'),
        FAKETIME_TIMESTAMP_FILE: system.offset,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
        NO_FAKE_STAT: '1',
      },
    });
    process.on('exit', () => system.stop());
    const said = () => readFileSync(log, 'utf8');
    const address = (name) => new RegExp(`^  ${name} +(http://\\S+)`, 'm').exec(said())?.[1];
    await until('the system starts', 60, () => system.child.exitCode !== null || /Ctrl-C/.test(said()));
    assert(system.child.exitCode === null, `the system ended: ${said()}`);
    system.api = address('API');
    system.s3 = address('AWS');
    system.aws = new AwsClient({ accessKeyId: 'test', secretAccessKey: 'test', region: 'eu-central-1', service: 's3' });
    return system;
  }

  /** Sets the clock to so many minutes ahead of the machine's. */
  moveTo(minutes) {
    this.minutes = minutes;
    writeFileSync(this.offset, `${minutes < 0 ? '-' : '+'}${Math.abs(minutes)}m\n`);
  }

  /** Deletes an object behind the system's back. */
  async loseObject(bucket, key) {
    const answer = await this.aws.fetch(`${this.s3}/${bucket}/${key}`, { method: 'DELETE' });
    assert(answer.ok, `DELETE ${key}: ${answer.status} ${await answer.text()}`);
  }

  stop() {
    this.child.kill('SIGINT');
  }
}

/** A studio at the API. */
export class Studio {
  constructor(api, name) {
    this.api = api;
    this.name = name;
  }

  /** Sends a request and returns the body of its answer. */
  async call(method, route, body) {
    const answer = await fetch(this.api + route, {
      method,
      headers: { authorization: `Bearer dev:${this.name}`, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    assert(answer.ok, `${method} ${route}: ${answer.status} ${text}`);
    return text && JSON.parse(text);
  }

  /** Sends a file to S3 as the API says. */
  static async put({ url, method, headers }, bytes) {
    const answer = await fetch(url, { method, headers, body: bytes });
    assert(answer.ok, `${method} to S3: ${answer.status} ${await answer.text()}`);
  }

  /** Uploads files, `{name, type, bytes}`, and returns the ids of the photos when all are processed. */
  async upload(files) {
    const ids = [];
    for (let from = 0; from < files.length; from += 100) {
      const some = files.slice(from, from + 100);
      const photos = some.map(({ name, type = 'image/jpeg', bytes }) => ({
        filename: name,
        content_type: type,
        size_bytes: bytes.length,
      }));
      const { items } = await this.call('POST', '/photos/batch', { photos });
      await parallel(8, items, ({ upload }, n) => Studio.put(upload, some[n].bytes));
      ids.push(...items.map(({ photo }) => photo.id));
    }
    await parallel(8, ids, (id) =>
      until(`photo ${id} is ready`, 120, async () => {
        const { status, error } = await this.call('GET', `/photos/${id}`);
        assert(status !== 'failed', `photo ${id} failed: ${JSON.stringify(error)}`);
        return status === 'ready';
      }),
    );
    return ids;
  }

  async logo(png) {
    const { upload } = await this.call('POST', '/studio/logo', { content_type: 'image/png', size_bytes: png.length });
    await Studio.put(upload, png);
    await until('the logo is made', 60, async () => (await this.call('GET', '/studio')).logo_pending === false);
  }

  async order(reference, locale, photos) {
    const customer = { name: 'Eva Beispiel', email: 'eva@example.com', locale };
    return this.call('POST', '/orders', { reference, customer, photo_ids: photos });
  }

  /** Orders a download and returns its id and link. */
  async download(order, terms) {
    const made = await this.call('POST', `/orders/${order}/downloads`, { notify: false, ...terms });
    return { id: made.download.id, link: made.link };
  }

  /** Waits until a download has this status. */
  async is(download, status) {
    await until(`download ${download} is ${status}`, 120, async () => (await this.shown(download)).status === status);
  }

  async shown(download) {
    return this.call('GET', `/downloads/${download}`);
  }
}

/** Sends a request as a browser does. Returns the page that answers it, to be shown again and again. */
export async function visit(url, { method = 'GET', form, language = 'en' } = {}) {
  const answer = await fetch(url, {
    method,
    body: form,
    redirect: 'manual',
    headers: {
      accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
      'accept-language': language,
      ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
    },
  });
  const headers = Object.fromEntries(answer.headers);
  delete headers['content-encoding'];
  delete headers['content-length'];
  return { url, status: answer.status, headers, body: await answer.text() };
}

/** Fetches a file as a script does: a POST, whose redirects lead to the file. */
export async function fetchFile(link) {
  const answer = await fetch(link, { method: 'POST', body: '', headers: { accept: '*/*' } });
  assert(answer.ok, `POST ${link}: ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}
