// Looks at every email in every language, with ordinary and with the longest values, as phones and desktops show it.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { SCREENS, violationsOf } from './looks.mjs';

/** Values of previews. A name of 200 letters and a link of 300 must not widen an email. */
const VALUES = {
  usual: [],
  long: ['--name', 'W'.repeat(200), '--reference', 'R'.repeat(200), '--link', `https://photos.example.com/d/${'x'.repeat(272)}`, '--studio', 'S'.repeat(100)],
  hostile: ['--name', 'http://evil.example/login <script>alert(1)</script>', '--reference', '\u202ereversed\u2028evil.example', '--studio', '<b>Studio</b>'],
  // Arabic and Hebrew, which run from right to left.
  reversed: ['--name', 'מרים כהן', '--reference', 'طلب 17', '--studio', 'סטודיו'],
};
/** Screens and colour schemes. Values change neither roles nor colours, so the usual ones are shown in all, others on a phone. */
const EVERYWHERE = Object.keys(SCREENS).flatMap((screen) => ['light', 'dark'].map((scheme) => [screen, scheme]));
const ON_A_PHONE = [['phone', 'light']];

/** Writes the previews and looks at them. Returns the number of failures; prints a table. */
export async function lookAtEmails(browser, local, work) {
  const shots = path.join(work, 'emails');
  mkdirSync(shots, { recursive: true });
  let [failed, looked, widest, violations] = [0, 0, 0, 0];
  const troubles = [];
  for (const [name, values] of Object.entries(VALUES)) {
    const folder = path.join(work, 'previews', name);
    execFileSync(local, ['email', 'preview', '--out', folder, ...values]);
    for (const [screen, scheme] of name === 'usual' ? EVERYWHERE : ON_A_PHONE) {
      const context = await browser.newContext({ ...SCREENS[screen], colorScheme: scheme });
      for (const file of readdirSync(folder).filter((file) => file.endsWith('.html') && file !== 'index.html')) {
        const page = await context.newPage();
        await page.goto(`file://${path.resolve(folder, file)}`);
        const label = `${name}-${file.replace('.html', '')}-${screen}-${scheme}`;
        const width = await page.evaluate('document.documentElement.scrollWidth');
        const { links, text } = await page.evaluate(() => ({ links: [...document.links].map((link) => link.href), text: document.body.innerText }));
        const found = name === 'usual' ? await violationsOf(page) : [];
        const most = SCREENS[screen].viewport.width;
        if (width > most) troubles.push(`${label}: ${width} px wide on a screen of ${most}`);
        if (name === 'hostile' && /evil\.example|http:\/\/evil/.test(text + links)) troubles.push(`${label}: an address of a customer`);
        for (const { id, nodes } of found) troubles.push(`${label}: axe ${id}: ${nodes[0].html.slice(0, 120)}`);
        await page.screenshot({ path: path.join(shots, `${label}.jpg`), type: 'jpeg', fullPage: true });
        if (screen === 'phone') widest = Math.max(widest, width);
        [looked, violations] = [looked + 1, violations + found.length];
        await page.close();
      }
      await context.close();
    }
    const texts = readdirSync(folder).filter((file) => file.endsWith('.txt')).map((file) => readFileSync(path.join(folder, file), 'utf8'));
    if (name === 'hostile' && texts.some((text) => /evil\.example|\u202e|\u2028/.test(text))) troubles.push('hostile: a text has what a customer wrote');
  }
  failed = troubles.length;
  console.log(`\n${looked} views of emails: at most ${widest} px wide on a phone, ${violations} violations that axe-core finds`);
  for (const trouble of troubles.slice(0, 20)) console.log(`FAILED ${trouble}`);
  return failed;
}
