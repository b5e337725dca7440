/**
 * `syncline token`: mints a token for trying out, with the key and the claims that a node in the same environment
 * checks for. The token is all that goes to stdout, so that it can be piped; nothing of the key goes anywhere.
 */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseGrants } from '../access/grants.ts';
import { algorithmOf, problemOfSecret, secretKey } from '../access/keys.ts';
import { mintToken, type SigningKey } from '../access/mint.ts';
import { EXIT, type Output } from './command.ts';

export interface TokenOptions {
  readonly doc: readonly string[];
  readonly access: string;
  readonly user: string;
  readonly expires: string;
  readonly once?: boolean;
  readonly privateKey?: string;
  readonly kid?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  min: 60_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
/** TOKEN_LIFETIME_MAX_MS of a node that was not told otherwise. */
const USUAL_LIFETIME_MAX_MS = 86_400_000;

/** A mistake of whoever typed the command. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function token(
  options: TokenOptions,
  env: Environment,
  nowMs: number,
  { out, note }: Output,
): number {
  const docs = options.doc.map((match) => ({ match, access: options.access }));
  const grants = parseGrants(docs);
  if (grants === null || docs.length === 0) {
    throw new UsageError(
      '--doc takes a name or a pattern like "team-a/*" of at most 200 characters (at most 100 of them), --access one of read, write, admin',
    );
  }
  if (options.user === '' || options.user.length > 128) {
    throw new UsageError('--user takes a name of 1 to 128 characters');
  }
  const lifetimeMs = parseLifetime(options.expires);
  const key = signingKey(options, env);
  out(
    mintToken(key, {
      subject: options.user,
      docs: grants.list,
      issuer: valueOf(env, 'JWT_ISSUER'),
      audience: valueOf(env, 'JWT_AUDIENCE'),
      nowMs,
      expiresAtMs: nowMs + lifetimeMs,
      isTicket: options.once === true,
      parentId: null,
    }),
  );
  if (lifetimeMs > USUAL_LIFETIME_MAX_MS) {
    note('syncline: a node accepts this only with a higher TOKEN_LIFETIME_MAX_MS (usually 24h)');
  }
  return EXIT.ok;
}

function signingKey(options: TokenOptions, env: Environment): SigningKey {
  const keyId = options.kid ?? null;
  const path = options.privateKey ?? valueOf(env, 'JWT_PRIVATE_KEY');
  if (path !== null) return { ...privateKey(path), keyId };
  const secret = valueOf(env, 'JWT_SECRET');
  if (secret === null) {
    throw new UsageError(
      'there is no key to sign with: set JWT_SECRET to the node’s, or pass --private-key FILE (PEM)',
    );
  }
  const problem = problemOfSecret(secret);
  if (problem !== null) throw new UsageError(`JWT_SECRET ${problem}`);
  return { ...secretKey(secret), keyId };
}

function privateKey(pathOrPem: string): Omit<SigningKey, 'keyId'> {
  const key = readPrivateKey(pathOrPem);
  const algorithm = algorithmOf(key);
  if (algorithm === null) {
    throw new UsageError('the private key must be RSA of at least 2048 bits or EC on P-256');
  }
  return { algorithm, key };
}

function readPrivateKey(pathOrPem: string): ReturnType<typeof createPrivateKey> {
  let pem = pathOrPem.replaceAll('\\n', '\n');
  if (!pem.includes('-----BEGIN')) {
    try {
      pem = readFileSync(pathOrPem, 'utf8');
    } catch (error) {
      throw new UsageError(`cannot read the private key file ${pathOrPem}`, { cause: error });
    }
  }
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new UsageError('the private key is not PEM without a passphrase', { cause: error });
  }
}

function parseLifetime(text: string): number {
  const [, digits, unit] = /^(\d{1,9})(s|min|m|h|d)$/.exec(text) ?? [];
  const lifetimeMs = Number(digits) * (UNITS_MS[unit ?? ''] ?? Number.NaN);
  if (!(lifetimeMs > 0)) throw new UsageError('--expires takes a time like 30s, 15min, 1h or 7d');
  return lifetimeMs;
}

function valueOf(env: Environment, name: string): string | null {
  const text = env[name]?.trim();
  return text === undefined || text === '' ? null : text;
}
