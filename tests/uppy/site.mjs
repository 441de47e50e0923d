// Serves the example page, as the web server of a shop does: on an origin of its own, with a Content-Security-Policy.

import { createReadStream, existsSync, statSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

export class Site {
  /** What `config.js` says. */
  config = {};
  #server;
  #connect = '';

  static async start(folder) {
    const site = new Site();
    site.#server = http.createServer((request, response) => site.#answer(folder, request, response));
    await new Promise((resolve) => site.#server.listen(0, '127.0.0.1', resolve));
    site.origin = `http://127.0.0.1:${site.#server.address().port}`;
    return site;
  }

  /** Lets the page connect to these origins. */
  allow(...origins) {
    this.#connect = origins.join(' ');
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #answer(folder, request, response) {
    const name = new URL(request.url, this.origin).pathname.replace(/\/$/, '/index.html');
    const file = path.join(folder, path.normalize(name));
    const headers = {
      'content-type': TYPES[path.extname(name)] ?? 'application/octet-stream',
      'cache-control': 'no-store',
      'content-security-policy':
        `default-src 'self'; connect-src 'self' data: ${this.#connect}; img-src 'self' data: blob: ${this.#connect}; ` +
        `style-src 'self' 'unsafe-inline'`,
    };
    if (name === '/config.js') {
      const { api, token, version, multipartFrom } = this.config;
      const lines = Object.entries({ api, version, multipartFrom }).map(([key, value]) => `export const ${key} = ${JSON.stringify(value)};`);
      response.writeHead(200, headers).end(`${lines.join('\n')}\nexport const token = async () => ${JSON.stringify(token)};\n`);
    } else if (existsSync(file) && statSync(file).isFile()) {
      response.writeHead(200, headers);
      createReadStream(file).pipe(response);
    } else {
      response.writeHead(404).end();
    }
  }
}
