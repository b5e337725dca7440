/**
 * Digests that nodes compare: equal ones mean equal replicas. They cover state vector and delete set, because deletes
 * advance no clock. A deleted document has a digest of its own, which no version has.
 */
import { createHash } from 'node:crypto';
import { Version } from '../rooms/updates/version.ts';
import { DIGEST_BYTES } from './messages.ts';

export function versionDigest(version: Version): Uint8Array {
  return Buffer.from(version.digest(), 'hex').subarray(0, DIGEST_BYTES);
}

/** Of the delete set alone: who has the same one need not be sent it. */
export function deletesDigest(version: Version): Uint8Array {
  const bytes = version.encodeDeletesAsUpdate();
  return createHash('sha256').update(bytes).digest().subarray(0, DIGEST_BYTES);
}

/** Of a document that has no content, and of one that nobody has heard of. */
export const EMPTY_DIGEST: Uint8Array = versionDigest(new Version());

export const DELETED_DIGEST: Uint8Array = new Uint8Array(DIGEST_BYTES);

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
