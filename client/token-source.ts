/**
 * Where the provider gets its token: one that never changes, or a function that is asked for each connection. It
 * answers null where there is none.
 */

export type Token = string | (() => string | null | Promise<string | null>);

export class TokenSource {
  readonly #token: Token | undefined;
  #latest: string | null = null;
  #asking: Promise<string | null> | null = null;

  constructor(token: Token | undefined) {
    this.#token = token;
    if (typeof token === 'string') this.#latest = token;
  }

  /** Whether asking again may give another one. */
  get isRenewable(): boolean {
    return typeof this.#token === 'function';
  }

  /** The one that was used last: for requests that belong to an open connection. */
  async latest(): Promise<string | null> {
    return this.#latest ?? (await this.fresh());
  }

  /** Asks again; callers at the same time share the answer. Null without tokens. Rejects as the function does. */
  async fresh(): Promise<string | null> {
    const token = this.#token;
    if (typeof token !== 'function') return this.#latest;
    this.#asking ??= Promise.resolve()
      .then(token)
      .then((fresh) => {
        this.#latest = fresh;
        return fresh;
      })
      .finally(() => {
        this.#asking = null;
      });
    return await this.#asking;
  }
}
