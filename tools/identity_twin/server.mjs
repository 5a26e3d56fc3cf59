// Simulated identity providers, several issuers in one process: `node server.mjs CONFIG.json` (see README.md).
//
// Prints one line of JSON when it is ready, and ends when its standard input closes: whoever started it holds the other
// end, so that it cannot outlive them, however they end.

import { timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { dirname, resolve } from 'node:path';

import { Issuer, WALLET_PATH, html, readForm } from './issuer.mjs';
import * as pages from './pages.mjs';

console.info = () => {}; // the library's notices; standard output carries our one line only

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function readConfig(path) {
  const config = readJson(path);
  const beside = (name) => resolve(dirname(path), name);
  const people = readJson(beside(config.personas_file));
  for (const issuer of config.issuers) {
    issuer.personas = people[issuer.kind] ?? [];
    if (issuer.only !== undefined) issuer.personas = issuer.personas.filter(({ id }) => issuer.only.includes(id));
  }
  if (config.tls !== undefined) {
    config.tls = Object.fromEntries(
      Object.entries({ key: 'key_file', cert: 'certificate_file', ca: 'client_ca_file' })
        .filter(([, name]) => config.tls[name] !== undefined)
        .map(([option, name]) => [option, readFileSync(beside(config.tls[name]))]),
    );
  }
  return config;
}

function serverFor(tls) {
  if (tls === undefined) return createPlainServer();
  return createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: false });
}

class Twin {
  #issuers = new Map();
  #adminToken;

  constructor(config, origin) {
    this.#adminToken = config.admin_token;
    for (const issuer of config.issuers) {
      this.#issuers.set(issuer.id, new Issuer(issuer, origin, config.tls !== undefined));
    }
  }

  get addresses() {
    return Object.fromEntries([...this.#issuers].map(([id, { issuer }]) => [id, issuer]));
  }

  async handle(request, response) {
    const [path] = request.url.split('?');
    const issuer = [...this.#issuers.values()].find((one) => path.startsWith(`${one.path}/`));
    if (issuer !== undefined) return issuer.handle(request, response);
    if (path === WALLET_PATH) return this.#wallet(request, response);
    if (path === '/_twin/style.css') {
      response.writeHead(200, { 'content-type': 'text/css; charset=utf-8' });
      return response.end(pages.STYLE);
    }
    if (path.startsWith('/_twin/')) return this.#administer(path.slice('/_twin/'.length), request, response);
    if (path === '/') return html(response, 200, pages.home([...this.#issuers.values()]));
    return html(response, 404, pages.failed({ erreur: 'cette adresse n’existe pas' }));
  }

  /** The authorization endpoint on the wallet's own host only leads to the issuer's. */
  #wallet(request, response) {
    const issuer = [...this.#issuers.values()].find(({ wallet }) => wallet !== undefined);
    if (issuer === undefined) return html(response, 404, pages.failed({ erreur: 'aucun portefeuille ici' }));
    const query = request.url.includes('?') ? request.url.slice(request.url.indexOf('?')) : '';
    response.writeHead(302, { location: issuer.authorizationTarget(query), 'cache-control': 'no-store' });
    return response.end();
  }

  /** What tests do to the twin: `POST /_twin/<action>` with the token of the configuration, from loopback. */
  async #administer(action, request, response) {
    if (request.method !== 'POST' || !this.#mayAdminister(request)) {
      return html(response, 404, pages.failed({ erreur: 'cette adresse n’existe pas' }));
    }
    const form = Object.fromEntries(await readForm(request));
    const issuer = this.#issuers.get(form.issuer);
    const actions = {
      'rotate-keys': () => ({ kid: issuer.rotate(form.keep_old !== 'no') }),
      'end-sessions': async () => ({ told: await issuer.endSessions(form.persona) }),
      change: () => issuer.change(form.persona, JSON.parse(form.change)) ?? {},
    };
    const known = issuer !== undefined && Object.hasOwn(actions, action);
    response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' });
    return response.end(JSON.stringify(known ? await actions[action]() : { error: 'unknown action or issuer' }));
  }

  #mayAdminister(request) {
    const [given, expected] = [request.headers.authorization ?? '', `Bearer ${this.#adminToken}`].map(Buffer.from);
    const local = ['127.0.0.1', '::1', '::ffff:127.0.0.1'].includes(request.socket.remoteAddress);
    return local && this.#adminToken !== undefined && given.length === expected.length && timingSafeEqual(given, expected);
  }
}

function main(configPath) {
  const config = readConfig(configPath);
  const server = serverFor(config.tls);
  server.listen(config.port ?? 0, '127.0.0.1', () => {
    const origin = `${config.tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;
    const twin = new Twin(config, origin);
    server.on('request', (request, response) => {
      twin.handle(request, response).catch((error) => {
        console.error(`twin: ${error.stack}`);
        if (!response.headersSent) html(response, 500, pages.failed({ erreur: 'le simulateur a échoué' }));
      });
    });
    process.stdout.write(`${JSON.stringify({ ready: true, origin, issuers: twin.addresses })}\n`);
  });
  server.on('error', (error) => {
    console.error(`twin: ${error.message}`);
    process.exit(1);
  });
  process.stdin.resume();
  process.stdin.on('end', () => process.exit(0));
  process.stdin.on('error', () => process.exit(0));
}

if (process.argv.length !== 3) {
  console.error('usage: node server.mjs CONFIG.json');
  process.exit(2);
}
main(process.argv[2]);
