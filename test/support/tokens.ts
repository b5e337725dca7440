/**
 * Tokens for tests, signed by hand, so that they can be wrong in every way; and the configurations of nodes that
 * would accept the good ones.
 */
import { createHmac, generateKeyPairSync, sign as signBytes, type KeyObject } from 'node:crypto';
import type { Config } from '../../server/options.ts';

export const SECRET = 'kX2v9Qm4Zr7Lw1Tn8Yc3Hf6Jd0Bs5Gp-test-only';
export const ISSUER = 'https://issuer.test';
export const AUDIENCE = 'syncline';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  /** SPKI, as operators configure it. */
  readonly publicPem: string;
  readonly privatePem: string;
}

function keyPair(pair: { publicKey: KeyObject; privateKey: KeyObject }): KeyPair {
  return {
    ...pair,
    publicPem: String(pair.publicKey.export({ type: 'spki', format: 'pem' })),
    privatePem: String(pair.privateKey.export({ type: 'pkcs8', format: 'pem' })),
  };
}

export const rsaKeys = (): KeyPair => keyPair(generateKeyPairSync('rsa', { modulusLength: 2048 }));
export const ecKeys = (): KeyPair => keyPair(generateKeyPairSync('ec', { namedCurve: 'P-256' }));

/** Nodes that check tokens with the secret above. */
export const SECRET_NODE: Partial<Config> = {
  jwtSecret: SECRET,
  jwtIssuer: ISSUER,
  jwtAudience: AUDIENCE,
};

const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Header and payload as given; strings are taken as JSON text. */
export function hs256(
  payload: unknown,
  header: Readonly<Record<string, unknown>> = {},
  secret: string | Uint8Array = SECRET,
): string {
  const text = `${part({ alg: 'HS256', typ: 'JWT', ...header })}.${part(payload)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

export function rs256(
  payload: unknown,
  privateKey: KeyObject,
  header: Readonly<Record<string, unknown>> = {},
): string {
  const text = `${part({ alg: 'RS256', typ: 'JWT', ...header })}.${part(payload)}`;
  return `${text}.${signBytes('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
}

export function es256(
  payload: unknown,
  key: KeyObject,
  header: Readonly<Record<string, unknown>> = {},
): string {
  const text = `${part({ alg: 'ES256', typ: 'JWT', ...header })}.${part(payload)}`;
  const signature = signBytes('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

/** `alg: none` in any spelling, with whatever for a signature. */
export function unsigned(payload: unknown, alg: string, signature: string = ''): string {
  return `${part({ alg, typ: 'JWT' })}.${part(payload)}.${signature}`;
}

export const nowS = (): number => Math.floor(Date.now() / 1000);

/** Claims that every node above accepts, with `write` below `team/`; `undefined` takes a claim away. */
export function claims(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const iat = nowS();
  const all = {
    sub: 'ann',
    iss: ISSUER,
    aud: AUDIENCE,
    iat,
    exp: iat + 600,
    docs: [{ match: 'team/*', access: 'write' }],
    ...changes,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** A token for `SECRET_NODE`. */
export function token(changes: Readonly<Record<string, unknown>> = {}): string {
  return hs256(claims(changes));
}

export const reader = (match: string = 'team/*'): string =>
  token({ docs: [{ match, access: 'read' }] });
export const admin = (): string => token({ sub: 'root', docs: [{ match: '*', access: 'admin' }] });
