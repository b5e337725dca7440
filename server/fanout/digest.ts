/**
 * Digests that nodes compare: equal ones mean equal replicas. They cover state vector and delete set, because deletes
 * advance no clock. A deleted document has a digest of its own, and so has one without content: no version has these.
 */
import { createHash } from 'node:crypto';
import type { Room } from '../rooms/room.ts';
import { Version } from '../rooms/updates/version.ts';
import { DIGEST_BYTES } from './messages.ts';

/** Of a document that is open. What was created and has no content differs from what was never heard of. */
export function roomDigest({ version, exists }: Pick<Room, 'version' | 'exists'>): Uint8Array {
  if (version.isEmpty) return exists ? BLANK_DIGEST : EMPTY_DIGEST;
  return versionDigest(version);
}

function versionDigest(version: Version): Uint8Array {
  return Buffer.from(version.digest(), 'hex').subarray(0, DIGEST_BYTES);
}

/** Of the delete set alone: who has the same one need not be sent it. */
export function deletesDigest(version: Version): Uint8Array {
  const bytes = version.encodeDeletesAsUpdate();
  return createHash('sha256').update(bytes).digest().subarray(0, DIGEST_BYTES);
}

/** Of a document that is not there. Older nodes say it of one without content, too. */
export const EMPTY_DIGEST: Uint8Array = versionDigest(new Version());

/** Of a document that is there and has no content: which no version has either. */
export const BLANK_DIGEST: Uint8Array = new Uint8Array(DIGEST_BYTES).fill(0xff);

export const DELETED_DIGEST: Uint8Array = new Uint8Array(DIGEST_BYTES);

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
