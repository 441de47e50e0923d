// A photographer at the example page, and what the API has of her photos.

import path from 'node:path';

export const MIB = 1024 * 1024;

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Waits until a function returns something true, and returns it. */
export async function until(what, seconds, ask) {
  for (const end = Date.now() + 1000 * seconds; Date.now() < end; await pause(200)) {
    const found = await ask();
    if (found) return found;
  }
  throw new Error(`${what}: not within ${seconds} s`);
}

export function assert(holds, sentence) {
  if (!holds) throw new Error(sentence);
}

export class Studio {
  constructor(api, name) {
    this.api = api;
    this.token = `dev:${name}`;
  }

  /** Returns all photos of the studio. */
  async photos() {
    const all = [];
    for (let cursor = ''; cursor !== null; ) {
      const answer = await fetch(`${this.api}/photos?limit=200${cursor && `&cursor=${cursor}`}`, {
        headers: { authorization: `Bearer ${this.token}` },
      });
      assert(answer.ok, `GET /photos: ${answer.status}`);
      const page = await answer.json();
      all.push(...(page.photos ?? page.items));
      cursor = page.next_cursor ?? null;
    }
    return all;
  }

  /** Waits until each of these files is a ready photo with its bytes, once, and no other photo exists. */
  async has(files, seconds) {
    const wanted = new Map(files.map((file) => [file.name, file]));
    const count = () => this.photos();
    let photos = [];
    await until('photos are processed', seconds, async () => {
      photos = await count();
      return photos.filter(({ status }) => status === 'ready' || status === 'failed').length >= files.length;
    }).catch(() => {});
    const ready = photos.filter(({ status }) => status === 'ready');
    const right = ready.filter(({ filename, sha256 }) => wanted.get(filename)?.sha256 === sha256);
    const lost = files.length - new Set(right.map(({ filename }) => filename)).size;
    const twice = photos.length - new Set(photos.map(({ filename }) => filename)).size;
    const others = photos.filter(({ status }) => status !== 'ready').map(({ filename, status, error }) => `${filename} ${status} ${error?.message ?? ''}`);
    assert(lost === 0 && twice === 0 && others.length === 0, `${lost} lost, ${twice} twice, ${others.join(', ') || 'all ready'}`);
    return `${ready.length} ready, ${lost} lost, ${twice} twice`;
  }
}

/** A photographer at the page. */
export class Visit {
  static async open(browser, site, studio, { version, work, multipartFrom = 100 * MIB }) {
    const visit = new Visit();
    visit.work = work;
    site.config = { api: studio.api, token: studio.token, version, multipartFrom };
    visit.context = await browser.newContext({ viewport: { width: 1100, height: 1000 } });
    visit.page = await visit.context.newPage();
    visit.complaints = [];
    visit.page.on('pageerror', (error) => visit.complaints.push(error.message));
    visit.page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) visit.complaints.push(message.text());
    });
    await visit.page.goto(site.origin);
    await visit.page.waitForSelector('.uppy-Dashboard');
    return visit;
  }

  async choose(files) {
    const input = this.page.locator('input.uppy-Dashboard-input').first();
    if (!(await input.count())) await this.page.locator('.uppy-DashboardContent-addMore').click({ timeout: 5_000 });
    await input.setInputFiles(files.map((file) => file.path), { timeout: 5_000 });
    await this.closePanel();
  }

  /** Makes the browser forget the files of an interrupted session, as it does with files that are too large for it. */
  async forgetFiles() {
    await this.page.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const opening = indexedDB.open('uppy-blobs');
          opening.onerror = reject;
          opening.onsuccess = () => {
            const cleared = opening.result.transaction(['files'], 'readwrite');
            cleared.objectStore('files').clear();
            cleared.oncomplete = () => resolve(opening.result.close());
          };
        }),
    );
  }

  async reload() {
    await this.page.reload();
    await this.page.waitForSelector('.uppy-Dashboard');
  }

  async untilComplete(seconds) {
    await this.page.waitForSelector('.uppy-StatusBar.is-complete', { timeout: 1000 * seconds });
  }

  async isComplete() {
    return this.page.locator('.uppy-StatusBar.is-complete').isVisible();
  }

  /** Presses "Retry" if Uppy offers it. */
  async retry() {
    const button = this.page.locator('.uppy-StatusBar-actionBtn--retry');
    if (await button.isVisible()) await button.click({ timeout: 1_000 }).catch(() => {});
  }

  /** Returns Uppy's last complaint. */
  async trouble() {
    const details = this.page.locator('.uppy-StatusBar-details');
    return (await details.count()) ? details.first().getAttribute('aria-label') : '';
  }

  /** Closes the panel for more files, which stays open if the page has all chosen files already. */
  async closePanel() {
    const back = this.page.locator('.uppy-Dashboard-AddFilesPanel .uppy-DashboardContent-back');
    await pause(200);
    for (let n = 0; n < 5 && (await back.isVisible()); n++) await back.click({ timeout: 500 }).catch(() => {});
  }

  /** Presses "Done". */
  async done() {
    await this.closePanel();
    await this.page.locator('.uppy-StatusBar-actionBtn--done').click({ timeout: 5_000 });
  }

  async screenshot(name) {
    await this.page.screenshot({ path: path.join(this.work, `${name}.png`), fullPage: true });
  }

  async close() {
    await this.context.close();
    assert(this.complaints.length === 0, `the page complains: ${this.complaints.join('; ')}`);
  }
}

