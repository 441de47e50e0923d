// Signs in at an issuer: the code flow with PKCE, its refusals, and the end of a session.

import { assert, go, until } from './browser.mjs';
import { runCases } from './cases.mjs';

/** Windows at a time. */
const LANES = 3;

const enter = async (page, model, address = '#/studios') => {
  await page.goto(`${model.url}/console${address}`);
  await page.getByRole('button', { name: 'Sign in' }).click();
};
const refused = async (page, text) => {
  await page.getByRole('alert').getByText(text).waitFor();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
};

const CASES = {
  'the code flow with PKCE signs in, and returns to the page': async ({ page, model }) => {
    await enter(page, model);
    await page.getByRole('heading', { name: 'Studios by load' }).waitFor();
    const [asked] = model.state.asked;
    assert(asked.response_type === 'code' && asked.code_challenge_method === 'S256' && asked.scope === 'openid', JSON.stringify(asked));
    assert(asked.redirect_uri === `${model.url}/console` && asked.state.length > 40 && asked.nonce.length > 40, JSON.stringify(asked));
    assert(page.url() === `${model.url}/console#/studios`, page.url());
    const kept = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]));
    for (const token of model.state.tokens) assert(!kept.includes(token), 'the token is stored');
    assert(!/verifier/.test(kept), 'the verifier is still stored');
    assert(await page.getByRole('button', { name: 'Sign out' }).getAttribute('title') === 'ops@example.com', 'the name is missing');
  },
  'an answer to another request is refused': async ({ page, model }) => {
    model.state.forges = true;
    await enter(page, model);
    await refused(page, 'belongs to no sign-in of this window');
    assert(model.state.exchanged.length === 0, 'the code was used');
  },
  'a token for another request is refused': async ({ page, model }) => {
    model.state.replays = true;
    await enter(page, model);
    await refused(page, 'The token answers another request.');
  },
  'a refusal of the issuer is shown': async ({ page, model }) => {
    model.state.denies = true;
    await enter(page, model);
    await refused(page, 'access_denied');
  },
  'a token that ended is refreshed without a question': async ({ page, model }) => {
    model.state.refreshes = true;
    await enter(page, model);
    await page.getByRole('heading', { name: 'Studios by load' }).waitFor();
    model.state.tokens.clear();
    await go(page, '#/queues');
    await page.getByRole('table', { name: 'Queues' }).waitFor();
    assert(model.state.exchanged.at(-1).grant_type === 'refresh_token', 'no refresh');
    assert(model.state.asked.length === 1, 'the operator was asked again');
  },
  'without a refresh token the issuer is visited again, and leads back': async ({ page, model }) => {
    await enter(page, model);
    await page.getByRole('heading', { name: 'Studios by load' }).waitFor();
    await page.evaluate(() => sessionStorage.setItem('darkroom.console.signed-in', String(Date.now() - 3_600_000)));
    model.state.tokens.clear();
    await go(page, '#/queues/photos');
    await until('it is signed in again', 10, () => model.state.asked.length === 2);
    await page.getByRole('table', { name: 'Errors' }).waitFor();
    assert(page.url() === `${model.url}/console#/queues/photos`, page.url());
  },
  'a token that is refused at once leads to no circle': async ({ page, model }) => {
    model.state.refuse = () => [401, { message: 'Unauthorized' }];
    await enter(page, model);
    await page.getByText('Sign in', { exact: true }).waitFor();
    await page.waitForTimeout(1500);
    assert(model.state.asked.length === 1, `${model.state.asked.length} sign-ins`);
  },
  'a reload signs in again without a click': async ({ page, model }) => {
    await enter(page, model);
    await page.getByRole('heading', { name: 'Studios by load' }).waitFor();
    await page.evaluate(() => sessionStorage.setItem('darkroom.console.signed-in', String(Date.now() - 3_600_000)));
    await page.reload();
    await until('it is signed in again', 10, () => model.state.asked.length === 2);
    await page.getByRole('heading', { name: 'Studios by load' }).waitFor();
  },
  'signing out forgets all, here and at the issuer': async ({ page, model }) => {
    await enter(page, model);
    await page.getByRole('heading', { name: 'Studios by load' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    assert((await page.evaluate(() => sessionStorage.length)) === 0, 'something is left');
    await page.reload();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    assert(model.state.asked.length === 1, 'it was signed in again');
  },
  'an account that is no operator is told so': async ({ page, model }) => {
    model.state.refuse = () => [403, { type: '/problems/operators-only', title: 'Operators only', status: 403, detail: 'This route is for operators only.' }];
    await enter(page, model);
    await page.getByText('This account is no operator.').waitFor();
  },
};

/** Runs all cases. Returns the number of failures. */
export async function signIn(browser, folder) {
  return runCases(browser, folder, CASES, { width: LANES, what: 'signing in', settings: { issuer: true } });
}
