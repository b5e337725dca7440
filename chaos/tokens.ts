/**
 * Tokens of a run whose nodes want them, as an application's own backend makes them: HS256, written out here, because what the
 * server misreads it shall not mint here.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Env } from './programs.ts';

type Access = 'read' | 'write' | 'admin';

const SECRET_BYTES = 48;
/** Longer than a run, shorter than TOKEN_LIFETIME_MAX_MS. */
const LIFETIME_MS = 12 * 60 * 60_000;

export interface Token {
  readonly text: string;
  readonly access: Access;
  readonly docs: readonly string[];
  /** From now: milliseconds. Claims know whole seconds only. */
  readonly endsInMs: number;
}

export class TokenMint {
  readonly #secret: string = randomBytes(SECRET_BYTES).toString('base64');

  /** For the nodes. */
  get env(): Env {
    return { JWT_SECRET: this.#secret };
  }

  mint(user: string, access: Access, match: string, lifetimeMs: number = LIFETIME_MS): Token {
    const nowMs = Date.now();
    const iat = Math.floor(nowMs / 1_000);
    const exp = Math.ceil((nowMs + lifetimeMs) / 1_000);
    const head = encoded({ alg: 'HS256', typ: 'JWT' });
    const body = encoded({ sub: user, iat, exp, docs: [{ match, access }] });
    const signature = createHmac('sha256', this.#secret).update(`${head}.${body}`).digest();
    return {
      text: `${head}.${body}.${signature.toString('base64url')}`,
      access,
      docs: [match],
      endsInMs: exp * 1_000 - nowMs,
    };
  }
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
