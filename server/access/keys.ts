/**
 * The keys that tokens are checked with. Which algorithm a key is for follows from the configuration and from
 * the key itself, never from a token: every key is a typed object bound to one algorithm, so that a public key
 * cannot be taken for an HMAC secret.
 */
import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';

export type Algorithm = 'HS256' | 'RS256' | 'ES256';

export interface VerificationKey {
  readonly algorithm: Algorithm;
  readonly key: KeyObject;
}

/** `unknown`: no key of this id. `unavailable`: the keys could not be fetched, nobody can tell. */
export type KeyAnswer = VerificationKey | 'unknown' | 'unavailable';

export interface KeySource {
  /** Bounded in time. `kid`: the key id in the token's header, null without one. */
  keyFor(kid: string | null): KeyAnswer | Promise<KeyAnswer>;
  close(): void;
}

/** RFC 7518 §3.2: an HMAC key is at least as long as the hash. */
const SECRET_BYTES_MIN = 32;
/** 32 random bytes as hex have 16 different characters at most, and nearly always more than ten. */
const SECRET_CHARACTERS_MIN = 8;
const RSA_BITS_MIN = 2048;
/** What documentation tells people to replace, and what they then do not. */
const PLACEHOLDER =
  /change[-_ ]?(me|this|it)|replace[-_ ]?(me|this|it)|your[-_ ]?(\d+[-_ ]?bit|jwt|own|super|very|secret)|placeholder|string-secret-(at-least|that-is)|super[-_ ]?secret|keyboard cat|example|insecure|dev[-_ ]?secret|password/i;

/** Why a secret must not be used; null when it may. Never contains the secret. */
export function problemOfSecret(secret: string): string | null {
  if (Buffer.byteLength(secret) < SECRET_BYTES_MIN) {
    return `must be at least ${SECRET_BYTES_MIN} bytes (try: openssl rand -base64 48)`;
  }
  if (PLACEHOLDER.test(secret) || new Set(secret).size < SECRET_CHARACTERS_MIN) {
    return 'is a placeholder that anybody can guess (try: openssl rand -base64 48)';
  }
  return null;
}

export function secretKey(secret: string): VerificationKey {
  return { algorithm: 'HS256', key: createSecretKey(Buffer.from(secret)) };
}

/**
 * A public key from what the configuration holds: PEM text, PEM text with `\n` for line ends (one-line
 * environment files), or the path of a PEM file.
 * @throws Error with a message for the operator; never the text itself
 */
export function publicKey(text: string): VerificationKey {
  const pem = text.includes('-----BEGIN') ? text.replaceAll('\\n', '\n') : readPem(text);
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    throw new Error('holds a private key; a node needs the public one only');
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw new Error('is not a public key in PEM form');
  }
  const algorithm = algorithmOf(key);
  if (algorithm === null) {
    throw new Error(`must be an RSA key of at least ${RSA_BITS_MIN} bits or an EC key on P-256`);
  }
  return { algorithm, key };
}

/** The one algorithm that a public key is used with here; null: none. */
export function algorithmOf(key: KeyObject): Algorithm | null {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') return modulusLength >= RSA_BITS_MIN ? 'RS256' : null;
  return key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1' ? 'ES256' : null;
}

/** One key for every token, whatever id it names. */
export function fixedKey(key: VerificationKey): KeySource {
  return { keyFor: () => key, close: () => undefined };
}

function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new Error(`is neither PEM text nor a file that can be read (${reason})`, {
      cause: error,
    });
  }
}
