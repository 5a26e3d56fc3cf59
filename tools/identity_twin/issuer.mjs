// One simulated issuer: the certified oidc-provider under a path, with personas that sign in by a click.

import { X509Certificate, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';

import Provider, { interactionPolicy } from 'oidc-provider';

import * as pages from './pages.mjs';
import { KINDS } from './kinds.mjs';
import { Store } from './store.mjs';

const MAX_FORM = 16 * 1024;
const STOCK_DISCOVERY = '/.well-known/openid-configuration';
const POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/** Where the wallet's authorization endpoint lies on its own host. */
export const WALLET_PATH = '/auth';

/** An issuer of the twin. `handle` answers the requests below its path; the rest is what tests do to it. */
export class Issuer {
  #store = new Store();
  #cookieKey = randomBytes(32).toString('base64url');
  #keys = [newKey()];
  #personas;
  #provider;
  #callback;

  constructor({ id, label, kind, path, clients, personas, ask_every_time: asks = false, wallet_host: wallet }, origin, tls) {
    if (KINDS[kind] === undefined) throw new Error(`unknown kind of issuer: ${kind}`);
    Object.assign(this, { id, kind, path, wallet, tls, asks, origin, clients });
    this.rules = KINDS[kind];
    this.label = label;
    this.issuer = `${origin}${path}`;
    this.#personas = personas.map((persona) => ({ ...persona }));
    this.#make();
  }

  /** Answer a request below this issuer's path. */
  async handle(request, response) {
    const [path] = request.url.slice(this.path.length).split('?');
    if (path.startsWith('/interaction/')) return this.#interact(request, response);
    request.baseUrl = this.path;
    request.wallet = path === this.rules.discoveryPath;
    request.url = request.wallet ? STOCK_DISCOVERY : request.url.slice(this.path.length) || '/';
    request.originalUrl = `${this.path}${request.url}`;
    return this.#callback(request, response);
  }

  /** Return where the authorization endpoint redirects to: the issuer's own, with the query as it came. */
  authorizationTarget(query) {
    return `${this.issuer}${this.rules.routes.authorization}${query}`;
  }

  /** Sign with a new key from now on; the old ones stay published unless `keepOld` is false. Returns the new key's id. */
  rotate(keepOld) {
    this.#keys = [newKey(), ...(keepOld ? this.#keys : [])];
    this.#make();
    return this.#keys[0].kid;
  }

  /** Change what is asserted about a persona: `sub`, `acr`, `claims` (merged; null removes one). */
  change(personaId, { claims = {}, ...more }) {
    const persona = this.#personas.find(({ id }) => id === personaId);
    if (persona === undefined) throw new Error(`no such persona: ${personaId}`);
    Object.assign(persona, more);
    const merged = { ...persona.claims, ...claims };
    persona.claims = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null));
  }

  /** End every session of a persona as an administrator would, telling each client by its back channel. */
  async endSessions(personaId) {
    const { sub } = this.#personas.find(({ id }) => id === personaId) ?? {};
    const told = [];
    for (const stored of this.#store.all('Session').filter(({ accountId }) => sub !== undefined && accountId === sub)) {
      for (const [clientId, { sid }] of Object.entries(stored.authorizations ?? {})) {
        told.push({ client_id: clientId, ...(await this.#tell(clientId, stored.accountId, sid)) });
      }
      this.#store.delete(`Session:${stored.jti}`);
    }
    return told;
  }

  async #tell(clientId, sub, sid) {
    const client = await this.#provider.Client.find(clientId);
    if (!client?.backchannelLogoutUri) return { outcome: 'not asked for' };
    try {
      await client.backchannelLogout(sub, sid);
      return { outcome: 'done' };
    } catch (error) {
      return { outcome: 'failed', reason: String(error.cause?.message ?? error.message) };
    }
  }

  #make() {
    const provider = new Provider(this.issuer, this.#configuration());
    provider.use(async (ctx, next) => {
      await next();
      if (ctx.req.wallet) ctx.body = this.rules.discovery(ctx.body, this.#presented());
      if (ctx.response.is('html') && typeof ctx.body === 'string') dress(ctx);
    });
    provider.on('server_error', (_ctx, error) => console.error(`twin ${this.id}: ${error.stack}`));
    this.#provider = provider;
    this.#callback = provider.callback();
  }

  /** What the discovery document says differently from the library's own. */
  #presented() {
    const walletOrigin = this.wallet && this.origin.replace(/\/\/[^:/]+/, `//${this.wallet}`);
    return { authorization: walletOrigin && `${walletOrigin}${WALLET_PATH}`, mutualTls: this.tls };
  }

  #configuration() {
    const { rules } = this;
    const cookie = { httpOnly: true, sameSite: 'lax', path: this.path };
    return {
      adapter: this.#store.adapter(),
      clients: this.clients,
      jwks: { keys: this.#keys },
      routes: rules.routes,
      scopes: rules.scopes,
      claims: rules.claims,
      acrValues: rules.acrValues,
      conformIdTokenClaims: rules.sparseIdToken,
      ttl: rules.ttl,
      responseTypes: ['code'],
      clientAuthMethods: [
        ...['client_secret_basic', 'client_secret_post', 'none'],
        ...(this.tls ? ['tls_client_auth'] : []),
      ],
      cookies: {
        // Cookies know no port: two issuers and the application on one host must not take each other's.
        names: { session: `_${this.id}_session`, interaction: `_${this.id}_interaction`, resume: `_${this.id}_resume` },
        keys: [this.#cookieKey],
        long: cookie,
        short: { httpOnly: true, sameSite: 'lax' },
      },
      features: this.#features(),
      interactions: {
        url: (_ctx, interaction) => `${this.path}/interaction/${interaction.uid}`,
        policy: this.#policy(),
      },
      findAccount: (_ctx, sub) => this.#account(sub),
      loadExistingGrant,
      issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
      renderError: (ctx, out) => {
        ctx.type = 'html';
        ctx.body = pages.failed(out);
      },
      fetch: fetchLoopback,
    };
  }

  #features() {
    const mutual = {
      enabled: this.tls,
      certificateBoundAccessTokens: this.tls,
      tlsClientAuth: this.tls,
      getCertificate: (ctx) => peerCertificate(ctx.req)?.toString(),
      certificateAuthorized: (ctx) => ctx.req.socket.authorized === true,
      certificateSubjectMatches: (ctx, property, expected) =>
        property === 'tls_client_auth_subject_dn' && sameName(peerCertificate(ctx.req).subject, expected),
    };
    return {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      resourceIndicators: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      backchannelLogout: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      jwtUserinfo: { enabled: true },
      mTLS: this.tls ? mutual : { enabled: false },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.type = 'html';
          ctx.body = pages.signOut(this.label, form);
        },
        postLogoutSuccessSource: (ctx) => {
          ctx.type = 'html';
          ctx.body = pages.signedOut(this.label);
        },
      },
    };
  }

  #policy() {
    const policy = interactionPolicy.base();
    if (this.asks) {
      const { Check } = interactionPolicy;
      policy.get('login').checks.add(
        new Check('ask_every_time', 'the person is asked at each sign-in', (ctx) =>
          ctx.oidc.result?.login ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT,
        ),
      );
    }
    return policy;
  }

  #account(sub) {
    const persona = this.#personas.find((one) => one.sub === sub);
    return persona && { accountId: sub, claims: () => ({ ...persona.claims, sub }) };
  }

  async #interact(request, response) {
    let details;
    try {
      details = await this.#provider.interactionDetails(request, response);
    } catch {
      return html(response, 400, pages.failed({ erreur: 'cette demande de connexion a expiré' }));
    }
    const client = await this.#provider.Client.find(details.params.client_id);
    if (request.method !== 'POST') {
      const name = client.clientName ?? client.clientId;
      return html(response, 200, pages.choose(this.label, name, this.#personas, request.url));
    }
    const chosen = (await readForm(request)).get('persona');
    const persona = this.#personas.find(({ id }) => id === chosen);
    const result = persona
      ? { login: { accountId: persona.sub, acr: persona.acr, amr: persona.amr } }
      : { error: 'access_denied', error_description: 'the person went back' };
    return this.#provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }
}

/** Consent is not the subject here: every client gets what it asks for. */
async function loadExistingGrant(ctx) {
  const { client, session, params, provider } = ctx.oidc;
  const known = session.grantIdFor(client.clientId);
  const grant =
    (known && (await provider.Grant.find(known))) ||
    new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(params.scope);
  await grant.save();
  return grant;
}

/** The library refuses to post to loopback; that is where its clients are, and the only place this one may reach. */
async function fetchLoopback(url, { dispatcher: _guard, ...options }) {
  const { hostname } = new URL(url);
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) throw new Error(`the twin only reaches loopback, not ${hostname}`);
  return globalThis.fetch(url, options);
}

/** Put our label on a page of the library; its self-submitting forms keep their one script. */
function dress(ctx) {
  ctx.body = pages.labelled(ctx.body);
  if (!ctx.body.includes('<script')) ctx.set('content-security-policy', POLICY);
}

function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'RS256', use: 'sig' };
}

function peerCertificate(request) {
  const found = request.socket.getPeerX509Certificate?.();
  return found instanceof X509Certificate ? found : undefined;
}

/** Tell whether two distinguished names have the same parts, whatever their order (RFC 4514 reads from the end). */
function sameName(subject, expected) {
  const parts = (name, separator) =>
    name
      .split(separator)
      .map((part) => part.trim())
      .sort()
      .join('\n');
  return parts(subject, '\n') === parts(expected, ',');
}

export function html(response, status, body) {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': POLICY,
  });
  response.end(body);
}

export async function readForm(request) {
  let size = 0;
  const parts = [];
  for await (const part of request) {
    size += part.length;
    if (size > MAX_FORM) throw new Error('the form is too large');
    parts.push(part);
  }
  return new URLSearchParams(Buffer.concat(parts).toString('utf8'));
}
