/** Who may do what in a run whose nodes want tokens, written down as it is granted. Without a plan nobody has or wants any. */
import type { HistoryRecorder } from '../history/recorder.ts';
import type { Env } from '../programs.ts';
import { TokenMint, type Token } from '../tokens.ts';
import { mono } from './clock.ts';

/** Everybody has a token for all documents of the run. */
export interface AccessPlan {
  /** Of the sessions that write those who may not. */
  readonly readOnly: readonly string[];
}

export interface RightsOptions {
  readonly plan: AccessPlan | null;
  readonly recorder: HistoryRecorder;
  /** All documents of the run: what tokens name. */
  readonly match: string;
}

export class Rights {
  /** For the nodes. */
  readonly env: Env;
  /** To look at everything, and to take rights away. */
  readonly driverToken: string | null;
  readonly #options: RightsOptions;
  readonly #mint: TokenMint | null;

  constructor(options: RightsOptions) {
    this.#options = options;
    this.#mint = options.plan === null ? null : new TokenMint();
    this.env = this.#mint?.env ?? {};
    this.driverToken = this.#mint?.mint('driver', 'admin', '*').text ?? null;
  }

  tokenOf(session: string, writes: boolean): string | null {
    const { plan, match } = this.#options;
    const mayWrite = writes && plan?.readOnly.includes(session) === false;
    const token = this.#mint?.mint(session, mayWrite ? 'write' : 'read', match) ?? null;
    if (token !== null) this.#granted(session, token);
    return token?.text ?? null;
  }

  /** To write, for so long. */
  shortToken(
    session: string,
    lifetimeMs: number,
  ): { readonly text: string; readonly endMono: number } {
    if (this.#mint === null) throw new Error('the nodes of this run want no tokens');
    const token = this.#mint.mint(session, 'write', this.#options.match, lifetimeMs);
    return { text: token.text, endMono: this.#granted(session, token) };
  }

  #granted(session: string, { access, docs, endsInMs }: Token): number {
    const expMono = mono() + endsInMs;
    const fact = { f: 'token', type: 'granted', session, access, docs, expMono } as const;
    this.#options.recorder.record('driver', fact);
    return expMono;
  }
}
