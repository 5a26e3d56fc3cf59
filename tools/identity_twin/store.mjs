// What a provider remembers, in memory: the adapter interface of oidc-provider, with its entries within reach.
//
// The library's own in-memory adapter belongs to one provider instance. Here a change of signing keys makes a new
// instance that must go on with the sessions of the old one, and tests end sessions by account, so the entries have to
// be somewhere both can see.

/** The entries of one issuer, over every kind of thing it stores ("Session", "AccessToken", "Grant", …). */
export class Store {
  #entries = new Map();

  /** Return the factory that `new Provider(issuer, { adapter })` takes. */
  adapter() {
    return (kind) => new Adapter(this, kind);
  }

  get(key) {
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.until <= Date.now()) {
      this.#entries.delete(key);
      return undefined;
    }
    return entry?.payload;
  }

  set(key, payload, seconds) {
    this.#entries.set(key, { payload, until: seconds ? Date.now() + seconds * 1000 : Infinity });
  }

  delete(key) {
    this.#entries.delete(key);
  }

  /** Return every payload of a kind that is still valid. */
  all(kind) {
    const keys = [...this.#entries.keys()].filter((key) => key.startsWith(`${kind}:`));
    return keys.map((key) => this.get(key)).filter((payload) => payload !== undefined);
  }

  deleteGranted(kind, grantId) {
    for (const [key, { payload }] of this.#entries) {
      if (key.startsWith(`${kind}:`) && payload.grantId === grantId) this.#entries.delete(key);
    }
  }
}

class Adapter {
  constructor(store, kind) {
    this.store = store;
    this.kind = kind;
  }

  #key(id) {
    return `${this.kind}:${id}`;
  }

  async upsert(id, payload, seconds) {
    this.store.set(this.#key(id), payload, seconds);
  }

  async find(id) {
    return this.store.get(this.#key(id));
  }

  async findByUid(uid) {
    return this.store.all(this.kind).find((payload) => payload.uid === uid);
  }

  async findByUserCode(userCode) {
    return this.store.all(this.kind).find((payload) => payload.userCode === userCode);
  }

  async consume(id) {
    const payload = this.store.get(this.#key(id));
    if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    this.store.delete(this.#key(id));
  }

  async revokeByGrantId(grantId) {
    this.store.deleteGranted(this.kind, grantId);
  }
}
