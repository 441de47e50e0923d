// Photos for the uploads: small landscapes, drawn by the browser, and enlarged by segments that no reader looks at.

import { createHash } from 'node:crypto';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Returns a generator of numbers from 0 to 1, which depend on the seed only (mulberry32). */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws JPEGs in a page of the browser. */
export async function draw(page, seeds) {
  const drawn = await page.evaluate((seeds) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 900, height: 600 });
    const context = canvas.getContext('2d');
    return seeds.map((seed) => {
      const hue = (seed * 47) % 360;
      const sky = context.createLinearGradient(0, 0, 0, 600);
      sky.addColorStop(0, `hsl(${hue} 60% 35%)`);
      sky.addColorStop(1, `hsl(${(hue + 40) % 360} 80% 80%)`);
      context.fillStyle = sky;
      context.fillRect(0, 0, 900, 600);
      context.fillStyle = 'hsl(45 100% 92%)';
      context.beginPath();
      context.arc(120 + ((seed * 97) % 660), 120 + ((seed * 31) % 120), 46, 0, 7);
      context.fill();
      for (let hill = 0; hill < 4; hill++) {
        context.fillStyle = `hsl(${(hue + 160) % 360} 25% ${46 - 10 * hill}%)`;
        context.beginPath();
        context.moveTo(0, 600);
        for (let x = 0; x <= 900; x += 6) {
          context.lineTo(x, 300 + 70 * hill + 46 * Math.sin(x / (90 - 12 * hill) + seed * (hill + 1)) + 9 * Math.sin(x / 17 + seed));
        }
        context.lineTo(900, 600);
        context.fill();
      }
      return canvas.toDataURL('image/jpeg', 0.9);
    });
  }, seeds);
  return drawn.map((url) => Buffer.from(url.split(',')[1], 'base64'));
}

/** Enlarges a JPEG to about so many bytes by application segments after its start. */
export function enlarge(jpeg, size, random) {
  const parts = [jpeg.subarray(0, 2)];
  for (let rest = size - jpeg.length; rest > 4; rest -= 65_537) {
    const length = Math.min(rest - 2, 65_535);
    const segment = Buffer.alloc(length + 2, Math.floor(256 * random()));
    segment.writeUInt16BE(0xffef, 0);
    segment.writeUInt16BE(length, 2);
    if (length >= 10) segment.writeDoubleLE(random(), 4);
    parts.push(segment);
  }
  return Buffer.concat([...parts, jpeg.subarray(2)]);
}

/** Writes files and returns their paths, sizes and hashes. */
export function store(folder, files) {
  mkdirSync(folder, { recursive: true });
  return files.map(({ name, bytes }, n) => {
    const file = path.join(folder, name);
    writeFileSync(file, bytes);
    utimesSync(file, 1_700_000_000 + n, 1_700_000_000 + n);
    return { path: file, name, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  });
}
