// An HTTP proxy between the browser and everything else. It counts the bytes that the browser sends to S3, and breaks
// requests as it is told.

import http from 'node:http';
import { Transform } from 'node:stream';

/** What a request meets. `cut` is the number of its bytes after which the connection ends. */
export const PASS = {};
export const DROP_ANSWER = { dropAnswer: true };
export const cut = (bytes) => ({ cut: bytes });
export const SLOW_DOWN = {
  status: 503,
  body: '<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
};
/** S3's answer to a request whose URL has expired. */
export const EXPIRED = {
  status: 403,
  body: '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>',
};

export class Proxy {
  /** Bytes of the bodies that the browser has sent to S3. */
  sent = 0;
  /** Number of requests to S3 by method. */
  requests = {};
  /** Decides what a request meets: called with `{ method, url, to, size }`, where `to` is `s3`, `api` or `page`. */
  fault = () => PASS;
  /** Number of faults by name. */
  faults = {};
  /** While true, no connection works. */
  offline = false;
  /** Called with the total whenever bytes were sent to S3. */
  onSent = () => {};

  #places;
  #server;
  #sockets = new Set();

  /** @param places Names of hosts, such as `{ '127.0.0.1:8090': 's3' }`. */
  static async start(places) {
    const proxy = new Proxy();
    proxy.#places = places;
    proxy.#server = http.createServer((request, response) => proxy.#pass(request, response));
    proxy.#server.on('connection', (socket) => {
      proxy.#sockets.add(socket);
      socket.on('close', () => proxy.#sockets.delete(socket));
      socket.on('error', () => {});
      if (proxy.offline) socket.destroy();
    });
    await new Promise((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    proxy.url = `http://127.0.0.1:${proxy.#server.address().port}`;
    return proxy;
  }

  /** Begins anew: no faults, nothing counted. */
  reset() {
    Object.assign(this, { sent: 0, requests: {}, faults: {}, offline: false, fault: () => PASS, onSent: () => {} });
  }

  /** Ends all connections, and refuses new ones. */
  cutAll() {
    this.offline = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  close() {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #pass(request, response) {
    const url = new URL(request.url);
    const to = this.#places[url.host];
    if (!to || this.offline) {
      request.socket.destroy();
      return;
    }
    // Preflights are left alone: they carry nothing, and browsers repeat them.
    const preflight = request.method === 'OPTIONS';
    const size = Number(request.headers['content-length'] ?? 0);
    const fault = preflight ? PASS : this.fault({ method: request.method, url, to, size });
    const name = fault.cut !== undefined ? 'cut' : fault.dropAnswer ? 'answer lost' : fault.status;
    if (name) this.faults[name] = (this.faults[name] ?? 0) + 1;
    if (to === 's3' && !preflight) this.requests[request.method] = (this.requests[request.method] ?? 0) + 1;

    const count = new Transform({
      transform: (chunk, _, done) => {
        if (to === 's3') {
          this.sent += chunk.length;
          this.onSent(this.sent);
        }
        count.bytes = (count.bytes ?? 0) + chunk.length;
        if (fault.cut !== undefined && count.bytes >= fault.cut) request.socket.destroy();
        done(null, chunk);
      },
    });
    if (fault.cut !== undefined && size === 0) {
      request.socket.destroy();
      return;
    }
    if (fault.status) {
      request.pipe(count).resume();
      count.on('end', () => {
        const headers = { 'content-type': 'application/xml', 'access-control-expose-headers': 'ETag' };
        if (request.headers.origin) headers['access-control-allow-origin'] = request.headers.origin;
        response.writeHead(fault.status, headers).end(fault.body);
      });
      return;
    }
    const { host, hostname, port, pathname, search } = url;
    const headers = { ...request.headers, host };
    delete headers['proxy-connection'];
    const upstream = http.request({ hostname, port, path: pathname + search, method: request.method, headers });
    upstream.on('response', (answer) => {
      if (fault.dropAnswer) {
        answer.resume();
        answer.on('end', () => request.socket.destroy());
        return;
      }
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    const end = () => {
      upstream.destroy();
      request.socket.destroy();
    };
    upstream.on('error', end);
    response.on('close', () => response.writableFinished || end());
    count.on('error', end);
    request.pipe(count).pipe(upstream);
  }
}
