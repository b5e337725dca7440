/**
 * From a token's text to what it claims: signature by `jsonwebtoken` with a key that is bound to one algorithm,
 * and around it the checks that the library leaves to its users (no `exp`, `crit`, foreign keys in the header,
 * lifetimes, subjects that are no names). Cheap checks come first. Time is passed in.
 *
 * Why a token was refused goes to the counters, never to the sender: the answer is the same for all. [I7]
 */
import jwt from 'jsonwebtoken';
import type { ErrorCode } from '../protocol/errors.ts';
import { Grants, parseGrants } from './grants.ts';
import type { KeySource } from './keys.ts';

export interface TokenRules {
  readonly issuer: string | null;
  readonly audience: string | null;
  /** Longest time from `iat` to `exp`. */
  readonly lifetimeMaxMs: number;
  /** How far clocks may be apart: `exp` and `nbf` are stretched by it. */
  readonly clockToleranceMs: number;
}

export interface Claims {
  readonly subject: string;
  readonly tokenId: string | null;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly grants: Grants;
  /** A ticket: good for one use only, before `exp`; what it opens may last until `expiresAtMs`. */
  readonly isTicket: boolean;
  /** When the token itself ends; `expiresAtMs` unless it is a ticket. */
  readonly usableUntilMs: number;
  readonly payload: Readonly<Record<string, unknown>>;
}

export type RefusalReason =
  | 'size'
  | 'format'
  | 'header'
  | 'key'
  | 'signature'
  | 'expired'
  | 'not-yet'
  | 'audience'
  | 'issuer'
  | 'claims'
  | 'lifetime';

export type Verified =
  | { readonly ok: true; readonly claims: Claims }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly reason: RefusalReason | 'keys-unavailable';
    };

/** A token with a hundred grants has about 6 KiB; a header line of Node's is at most 16. */
export const TOKEN_BYTES_MAX: number = 8 * 1024;
const NAME_LENGTH_MAX = 128;
/** What issuers use (base64, hashes, dates, names). It is only looked up in a map; this keeps it out of trouble. */
const KEY_ID = /^(?!.*\.\.)[\w.~=+/:@-]{1,256}$/;
/** `iat` is written by another machine's clock and decides less than `exp`. */
const ISSUED_SKEW_MS = 5 * 60_000;
/** Longest life of a ticket: from being minted to being used. */
export const TICKET_LIFETIME_MAX_MS = 30_000;
/** Members with which a token would bring its own key along, or demand extensions. RFC 7515 §4.1. */
const HEADER_FORBIDDEN = ['crit', 'jku', 'jwk', 'x5u', 'x5c', 'b64', 'zip', 'enc'];

const refuse = (reason: RefusalReason, code: ErrorCode = 'invalid-token'): Verified => ({
  ok: false,
  code,
  reason,
});

export async function verifyToken(
  token: string,
  keys: KeySource,
  rules: TokenRules,
  nowMs: number,
): Promise<Verified> {
  if (token.length > TOKEN_BYTES_MAX) return refuse('size');
  const header = headerOf(token);
  if (header === null) return refuse('format');
  const { alg, kid } = header;
  if (HEADER_FORBIDDEN.some((name) => name in header)) return refuse('header');
  if (kid !== undefined && (typeof kid !== 'string' || !KEY_ID.test(kid))) {
    return refuse('header');
  }
  const found = await keys.keyFor(kid ?? null);
  if (found === 'unavailable') {
    return { ok: false, code: 'access-unavailable', reason: 'keys-unavailable' };
  }
  if (found === 'unknown') return refuse('key');
  if (alg !== found.algorithm) return refuse('header');
  let payload: unknown;
  try {
    payload = jwt.verify(token, found.key, {
      algorithms: [found.algorithm],
      clockTimestamp: nowMs / 1000,
      clockTolerance: rules.clockToleranceMs / 1000,
      ...(rules.issuer === null ? {} : { issuer: rules.issuer }),
      ...(rules.audience === null ? {} : { audience: rules.audience }),
    });
  } catch (error) {
    return refusalOf(error);
  }
  return readClaims(payload, rules, nowMs);
}

function headerOf(token: string): Record<string, unknown> | null {
  const parts = token.split('.', 4);
  if (parts.length !== 3 || parts[0] === undefined) return null;
  try {
    const header: unknown = JSON.parse(Buffer.from(parts[0], 'base64url').toString());
    return isObject(header) ? header : null;
  } catch {
    return null;
  }
}

/** The library tells its errors apart by class and text only. */
function refusalOf(error: unknown): Verified {
  if (error instanceof jwt.TokenExpiredError) return refuse('expired', 'token-expired');
  if (error instanceof jwt.NotBeforeError) return refuse('not-yet');
  const text = error instanceof Error ? error.message : '';
  if (text.startsWith('jwt audience')) return refuse('audience');
  if (text.startsWith('jwt issuer')) return refuse('issuer');
  return refuse(text.includes('signature') ? 'signature' : 'claims');
}

function readClaims(payload: unknown, rules: TokenRules, nowMs: number): Verified {
  if (!isObject(payload)) return refuse('claims');
  const { sub, exp, iat, jti, once } = payload;
  if (!isName(sub)) return refuse('claims');
  if (jti !== undefined && !isName(jti)) return refuse('claims');
  // Without `iat` nobody could say how long a token was meant to live, nor whether a revocation came after it.
  if (!isTime(exp) || !isTime(iat)) return refuse('claims');
  if (once !== undefined && typeof once !== 'boolean') return refuse('claims');
  const issuedAtMs = iat * 1000;
  const usableUntilMs = exp * 1000;
  if (issuedAtMs > nowMs + ISSUED_SKEW_MS) return refuse('claims');
  const isTicket = once === true;
  if (isTicket && jti === undefined) return refuse('claims');
  const lifetimeMaxMs = isTicket ? TICKET_LIFETIME_MAX_MS : rules.lifetimeMaxMs;
  if (usableUntilMs - issuedAtMs > lifetimeMaxMs) return refuse('lifetime');
  const untilMs = isTicket ? sessionEndOf(payload, usableUntilMs) : usableUntilMs;
  if (untilMs === null || untilMs - issuedAtMs > rules.lifetimeMaxMs) return refuse('lifetime');
  return {
    ok: true,
    claims: {
      subject: sub,
      tokenId: tokenIdOf(payload),
      issuedAtMs,
      expiresAtMs: untilMs,
      // A claim that is not understood grants nothing: the user is who they are, and may do nothing. (J17)
      grants: parseGrants(payload['docs']) ?? Grants.none,
      isTicket,
      usableUntilMs,
      payload,
    },
  };
}

/** A ticket is used up within seconds; `until` says how long the session that it opened may last. */
function sessionEndOf({ until }: Record<string, unknown>, exp: number): number | null {
  if (until === undefined) return exp;
  return isTime(until) ? until * 1000 : null;
}

/** A ticket may name the token that it was minted for (`for`): revoking that one ends its sessions too. */
function tokenIdOf({ jti, for: parent }: Record<string, unknown>): string | null {
  if (isName(parent)) return parent;
  return isName(jti) ? jti : null;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= NAME_LENGTH_MAX;
}

/** RFC 7519 NumericDate: seconds, fractions allowed. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
