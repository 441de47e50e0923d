// The operator's session. Tokens are in memory only; what the sign-in needs across its redirect is in sessionStorage.

import * as oidc from './oidc.js';

const PROOF = 'darkroom.console.proof';
const SIGNED_IN = 'darkroom.console.signed-in';
/** A sign-in without a question is not repeated within this time: it would go in a circle. */
const PAUSE = 60_000;
/** Token of a deployment on one machine. */
const LOCAL = 'dev:operator:operator';

let config = null;
let provider = null;
let current = null;
let renewal = null;

const redirect = () => location.origin + location.pathname;

export const token = () => current?.id_token ?? '';
export const isSignedIn = () => current !== null;
export const settings = () => config;

/** Returns the name of the operator, as the token has it. */
export function name() {
  if (!current || config.local) return current ? 'operator' : '';
  const claims = oidc.claimsOf(current.id_token);
  return claims.email ?? claims.preferred_username ?? claims.sub ?? '';
}

/** Reads the configuration, and finishes a sign-in that the issuer has answered. Throws a sentence for the operator. */
export async function start() {
  const answer = await fetch(new URL('console/config.json', document.baseURI), { cache: 'no-cache' });
  if (!answer.ok) throw new Error(`The console's configuration could not be read (${answer.status}).`);
  config = await answer.json();
  const query = new URLSearchParams(location.search);
  if (!query.has('state')) return again();
  const proof = JSON.parse(sessionStorage.getItem(PROOF) ?? 'null');
  sessionStorage.removeItem(PROOF);
  history.replaceState(null, '', redirect() + (proof?.hash ?? ''));
  if (!proof || proof.state !== query.get('state')) throw new Error('This answer belongs to no sign-in of this window. Please sign in again.');
  if (query.has('error')) throw new Error(query.get('error_description') ?? query.get('error'));
  provider = await oidc.discover(config.issuer);
  if (query.has('iss') && query.get('iss') !== config.issuer) throw new Error('The answer is of another issuer.');
  current = await oidc.exchange(provider, config.client_id, redirect(), query.get('code') ?? '', proof);
  sessionStorage.setItem(SIGNED_IN, String(Date.now()));
}

/** After a reload the issuer still knows the operator, who need not be asked. */
async function again() {
  const before = Number(sessionStorage.getItem(SIGNED_IN) ?? 0);
  if (!config.issuer || !before || Date.now() - before < PAUSE / 20) return;
  await signIn();
  await new Promise(() => {});
}

/** Signs the operator in: here on one machine, by the issuer's page elsewhere. */
export async function signIn() {
  if (config.local) {
    current = { id_token: LOCAL };
    return;
  }
  if (!config.issuer || !config.client_id) throw new Error('This deployment names no issuer and client for the console.');
  provider ??= await oidc.discover(config.issuer);
  const { proof, url } = await oidc.ask(provider, config.client_id, redirect());
  sessionStorage.setItem(PROOF, JSON.stringify({ ...proof, hash: location.hash }));
  location.assign(url);
}

/** Gets a new token after a 401, without a question. Returns whether there is one. */
export function renew() {
  renewal ??= renewed().finally(() => { renewal = null; });
  return renewal;
}

async function renewed() {
  if (!current || config.local) {
    current = null;
    return false;
  }
  if (current.refresh_token) {
    try {
      const fresh = await oidc.refresh(provider, config.client_id, current.refresh_token);
      current = { ...current, ...fresh };
      return true;
    } catch {
      // The issuer's page decides.
    }
  }
  const before = Number(sessionStorage.getItem(SIGNED_IN) ?? 0);
  const isBusy = document.querySelector('dialog[open]') !== null;
  current = null;
  if (Date.now() - before < PAUSE || isBusy) return false;
  await signIn();
  // The window is about to leave.
  return new Promise(() => {});
}

/** Forgets the tokens, here and at the issuer. */
export async function signOut() {
  const leaving = current;
  current = null;
  sessionStorage.clear();
  if (!provider) return;
  await oidc.revoke(provider, config.client_id, leaving?.refresh_token);
  const end = oidc.endOf(provider, config.client_id, redirect());
  if (end) location.assign(end);
}
