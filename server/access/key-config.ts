/** From the options about keys to a key source, and what is wrong with them, in words without secrets. */
import { fixedKey, problemOfSecret, publicKey, secretKey, type KeySource } from './keys.ts';
import { KeySet, type KeySetOptions } from './key-set.ts';
import type { SigningKey } from './mint.ts';

export interface KeyConfig {
  readonly auth: 'loopback' | 'none' | 'jwt';
  readonly jwtSecret: string | null;
  readonly jwtPublicKey: string | null;
  readonly jwksUrl: string | null;
}

/** Every problem, each a sentence that names the variable. */
export function problemsOfKeys(config: KeyConfig): readonly string[] {
  const { auth, jwtSecret, jwtPublicKey, jwksUrl } = config;
  const given = [
    ...(jwtSecret === null ? [] : ['JWT_SECRET']),
    ...(jwtPublicKey === null ? [] : ['JWT_PUBLIC_KEY']),
    ...(jwksUrl === null ? [] : ['JWKS_URL']),
  ];
  const problems: string[] = [];
  if (auth === 'jwt' && given.length === 0) {
    problems.push('AUTH=jwt needs a key: JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL');
  }
  if (auth !== 'jwt' && given.length > 0) {
    problems.push(`AUTH=${auth} means no access control, but ${given.join(', ')} is set`);
  }
  if (given.length > 1) {
    problems.push(`${given.join(' and ')} are set: tokens are checked with exactly one of them`);
  }
  if (jwtSecret !== null) {
    const problem = problemOfSecret(jwtSecret);
    if (problem !== null) problems.push(`JWT_SECRET ${problem}`);
  }
  if (jwtPublicKey !== null) {
    try {
      publicKey(jwtPublicKey);
    } catch (error) {
      problems.push(`JWT_PUBLIC_KEY ${error instanceof Error ? error.message : 'is unusable'}`);
    }
  }
  if (jwksUrl !== null && !isHttpUrl(jwksUrl)) {
    problems.push('JWKS_URL must be an https:// (or, inside a trusted network, http://) URL');
  }
  return problems;
}

/** Null: no access control. Only for a configuration without problems. */
export function keySourceOf(
  config: KeyConfig,
  options: Omit<KeySetOptions, 'url'>,
): KeySource | null {
  const { jwtSecret, jwtPublicKey, jwksUrl } = config;
  if (jwtSecret !== null) return fixedKey(secretKey(jwtSecret));
  if (jwtPublicKey !== null) return fixedKey(publicKey(jwtPublicKey));
  return jwksUrl === null ? null : new KeySet({ url: jwksUrl, ...options });
}

/** Null: a node without a secret mints nothing. */
export function signingKeyOf({ jwtSecret }: KeyConfig): SigningKey | null {
  return jwtSecret === null ? null : { ...secretKey(jwtSecret), keyId: null };
}

function isHttpUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:');
}
