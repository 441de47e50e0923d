// OpenID Connect: the authorization code flow with PKCE, for a client without a secret.

const encoder = new TextEncoder();

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** Reads where the issuer's endpoints are. */
export async function discover(issuer) {
  const answer = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, { credentials: 'omit' });
  if (!answer.ok) throw new Error(`The issuer answered ${answer.status}.`);
  const found = await answer.json();
  if (found.issuer !== issuer) throw new Error('The issuer calls itself by another name.');
  const { protocol } = new URL(issuer);
  for (const name of ['authorization_endpoint', 'token_endpoint']) {
    if (new URL(found[name]).protocol !== protocol) throw new Error(`The issuer's ${name} can't be used.`);
  }
  return found;
}

/** Returns what proves that an answer belongs to this request, and the address that asks. */
export async function ask(provider, client, redirect) {
  const proof = { state: random(), nonce: random(), verifier: random() };
  const url = new URL(provider.authorization_endpoint);
  const challenge = base64url(await crypto.subtle.digest('SHA-256', encoder.encode(proof.verifier)));
  for (const [name, value] of Object.entries({
    response_type: 'code',
    client_id: client,
    redirect_uri: redirect,
    scope: 'openid',
    state: proof.state,
    nonce: proof.nonce,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  })) url.searchParams.set(name, value);
  return { proof, url: url.href };
}

/** Exchanges the code of an answer for tokens. */
export async function exchange(provider, client, redirect, code, { verifier, nonce }) {
  const tokens = await fetchTokens(provider, {
    grant_type: 'authorization_code',
    client_id: client,
    redirect_uri: redirect,
    code,
    code_verifier: verifier,
  });
  check(tokens.id_token, provider.issuer, client, nonce);
  return tokens;
}

/** Exchanges a refresh token for new tokens. */
export async function refresh(provider, client, token) {
  const tokens = await fetchTokens(provider, { grant_type: 'refresh_token', client_id: client, refresh_token: token });
  check(tokens.id_token, provider.issuer, client, null);
  return tokens;
}

async function fetchTokens(provider, form) {
  const answer = await fetch(provider.token_endpoint, {
    method: 'POST',
    body: new URLSearchParams(form),
    credentials: 'omit',
    redirect: 'error',
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error_description ?? said.error ?? `The issuer answered ${answer.status}.`);
  return said;
}

/** Checks claims of an ID token. It came from the issuer over TLS, and the API checks its signature. */
function check(token, issuer, client, nonce) {
  const claims = claimsOf(token);
  const audiences = [claims.aud].flat();
  if (claims.iss !== issuer || !audiences.includes(client)) throw new Error('The token is for another client.');
  if (nonce !== null && claims.nonce !== nonce) throw new Error('The token answers another request.');
  if (!(claims.exp * 1000 > Date.now())) throw new Error('The token has expired.');
}

/** Returns the claims of a token. */
export function claimsOf(token) {
  const bytes = atob(String(token ?? '').split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/') ?? '');
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0))) || '{}');
}

/** Returns the address that ends the session at the issuer; null if it has none. */
export function endOf(provider, client, redirect) {
  if (!provider.end_session_endpoint) return null;
  const url = new URL(provider.end_session_endpoint);
  url.searchParams.set('client_id', client);
  url.searchParams.set('post_logout_redirect_uri', redirect);
  // Cognito's name for it.
  url.searchParams.set('logout_uri', redirect);
  return url.href;
}

/** Revokes a refresh token, if the issuer can. */
export async function revoke(provider, client, token) {
  if (!provider.revocation_endpoint || !token) return;
  const body = new URLSearchParams({ client_id: client, token });
  await fetch(provider.revocation_endpoint, { method: 'POST', body, credentials: 'omit' }).catch(() => {});
}
