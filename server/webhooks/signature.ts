/**
 * Signatures as the Standard Webhooks convention has them (standardwebhooks.com): `v1,` and the base64 of
 * HMAC-SHA256 over `id.timestamp.body`. A receiver checks it in constant time, and that the timestamp is recent.
 */
import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';
/** The convention asks for 24 to 64 bytes. */
export const SECRET_BYTES_MIN = 24;

/** `whsec_` and base64, as the convention writes secrets; anything else is taken as it is. */
export function secretKey(secret: string): Buffer {
  return secret.startsWith(PREFIX)
    ? Buffer.from(secret.slice(PREFIX.length), 'base64')
    : Buffer.from(secret, 'utf8');
}

export function signature(key: Uint8Array, id: string, timestampS: number, body: string): string {
  const mac = createHmac('sha256', key).update(`${id}.${timestampS}.${body}`).digest('base64');
  return `v1,${mac}`;
}
