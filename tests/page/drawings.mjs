// Photos and a logo, drawn by the browser.

/** Photos with pictures of a usual size. */
const PHOTOS = 100;

/** Draws landscapes as JPEG of 600 x 400 pixels and 400 x 600, and a logo as PNG. */
export async function draw(browser) {
  const page = await browser.newPage();
  const drawn = await page.evaluate(drawAll, PHOTOS);
  await page.close();
  const bytes = (url) => Buffer.from(url.split(',')[1], 'base64');
  const tiny = bytes(drawn.tiny);
  return {
    photos: drawn.photos.map(bytes),
    logo: bytes(drawn.logo),
    /** Returns a JPEG of 60 x 40 pixels; each number gives other bytes, by a comment in the file. */
    tiny(number) {
      const text = Buffer.from(String(number).padStart(8, '0'));
      const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, text.length + 2]), text]);
      return Buffer.concat([tiny.subarray(0, 2), comment, tiny.subarray(2)]);
    },
  };
}

/** In the page: returns data URLs. */
function drawAll(count) {
  const sheet = (width, height) => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    return [canvas, canvas.getContext('2d')];
  };
  const landscape = (seed, width, height) => {
    const [canvas, context] = sheet(width, height);
    const hue = (seed * 47) % 360;
    const sky = context.createLinearGradient(0, 0, 0, height);
    sky.addColorStop(0, `hsl(${hue} 60% 35%)`);
    sky.addColorStop(1, `hsl(${(hue + 40) % 360} 80% 80%)`);
    context.fillStyle = sky;
    context.fillRect(0, 0, width, height);
    for (let hill = 0; hill < 5; hill++) {
      context.fillStyle = `hsl(${(hue + 160) % 360} 25% ${52 - 9 * hill}%)`;
      context.beginPath();
      context.moveTo(0, height);
      for (let x = 0; x <= width; x += 3) {
        const wave = 30 * Math.sin(x / (70 - 11 * hill) + seed * (hill + 1)) + 7 * Math.sin(x / 9 + seed);
        context.lineTo(x, height * (0.45 + 0.11 * hill) + wave);
      }
      context.lineTo(width, height);
      context.fill();
    }
    // Grain, which makes the file about as large as that of a photo.
    for (let n = 0; n < 6000; n++) {
      context.fillStyle = `hsl(${(n * 53) % 360} 30% ${(n * 31) % 100}% / 0.25)`;
      context.fillRect((n * 7919 + seed * 131) % width, (n * 104_729) % height, 2, 2);
    }
    return canvas.toDataURL('image/jpeg', 0.9);
  };
  const photos = Array.from({ length: count }, (_, n) => (n % 4 === 3 ? landscape(n + 1, 400, 600) : landscape(n + 1, 600, 400)));
  const [canvas, context] = sheet(640, 200);
  context.fillStyle = '#1f6f5c';
  context.beginPath();
  context.arc(100, 100, 70, 0, 7);
  context.fill();
  context.font = '600 72px serif';
  context.fillText('Foto Anna', 200, 124);
  return { photos, tiny: landscape(1, 60, 40), logo: canvas.toDataURL('image/png') };
}
