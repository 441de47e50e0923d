// Runs cases, each in a window of its own against a model of its own.

import { assert, openWindow, parallel } from './browser.mjs';
import { Model } from './model.mjs';

/** Runs all cases, `width` at a time: `open` first, then the case. Returns the number of failures. */
export async function runCases(browser, folder, cases, { width, what, settings = {}, open = async () => {} }) {
  const failed = await parallel(width, Object.entries(cases), async ([sentence, run]) => {
    const model = await Model.start(folder, settings);
    const page = await openWindow(browser);
    try {
      await open(page, model.url);
      await run({ page, model });
      assert(page.complaints.length === 0, page.complaints.join('; '));
      return 0;
    } catch (error) {
      console.log(`FAILED ${sentence}: ${error.message.split('\n')[0]}`);
      return 1;
    } finally {
      await page.context().close();
      model.stop();
    }
  });
  console.log(`${failed.length} cases of ${what}`);
  return failed.reduce((sum, one) => sum + one, 0);
}
