/**
 * A digest of every document that is stored, in memory, and one over the documents of each bucket: what the slow sweep
 * compares. A bucket's digest is the XOR of its entries, so that a change costs two hashes, whatever the bucket holds.
 *
 * About 130 bytes a document and its name. One that was created without content is in it, one that was deleted stays so.
 */
import { createHash } from 'node:crypto';
import type { DocumentName } from '../protocol/document-name.ts';
import { DELETED_DIGEST, EMPTY_DIGEST, isSame } from './digest.ts';
import { DIGEST_BYTES, SWEEP_BUCKETS, sweepBucketOf, type ListEntry } from './messages.ts';

/** One-byte strings of 16 characters take a third of what 16 bytes in an array do. */
const DELETED: string = textOf(DELETED_DIGEST);

export class DigestIndex {
  readonly #buckets: (Map<DocumentName, string> | undefined)[] = [];
  readonly #digests = new Uint8Array(SWEEP_BUCKETS * DIGEST_BYTES);
  #count = 0;

  /** Deleted documents included. */
  get count(): number {
    return this.#count;
  }

  has(document: DocumentName): boolean {
    return this.#bucketOf(document).has(document);
  }

  /** Null: nothing is known of it. */
  digestOf(document: DocumentName): Uint8Array | null {
    const text = this.#bucketOf(document).get(document);
    return text === undefined ? null : Buffer.from(text, 'latin1');
  }

  /** Whether this is what is stored of the document. */
  matches(document: DocumentName, digest: Uint8Array): boolean {
    return this.#bucketOf(document).get(document) === textOf(digest);
  }

  isDeleted(document: DocumentName): boolean {
    return this.#bucketOf(document).get(document) === DELETED;
  }

  set(document: DocumentName, digest: Uint8Array): void {
    const bucket = this.#bucketOf(document);
    const before = bucket.get(document);
    const text = textOf(digest);
    if (before === text || before === DELETED || isSame(digest, EMPTY_DIGEST)) return;
    if (before === undefined) this.#count += 1;
    else this.#toggle(document, before);
    bucket.set(document, text);
    this.#toggle(document, text);
  }

  setDeleted(document: DocumentName): void {
    this.set(document, DELETED_DIGEST);
  }

  /** One digest a bucket, one after another. A copy. */
  digests(): Uint8Array {
    return this.#digests.slice();
  }

  /** A bucket's documents in order of name, from `after` (exclusive). */
  list(bucket: number, after: DocumentName | null): readonly ListEntry[] {
    const entries = this.#buckets[bucket] ?? new Map<DocumentName, string>();
    return [...entries]
      .filter(([document]) => after === null || document > after)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([document, text]) => ({
        document,
        isDeleted: text === DELETED,
        digest: Buffer.from(text, 'latin1'),
      }));
  }

  #bucketOf(document: DocumentName): Map<DocumentName, string> {
    const bucket = sweepBucketOf(document);
    return (this.#buckets[bucket] ??= new Map<DocumentName, string>());
  }

  #toggle(document: DocumentName, text: string): void {
    const hash = createHash('sha256').update(document).update('\0').update(text, 'latin1').digest();
    const offset = sweepBucketOf(document) * DIGEST_BYTES;
    for (let at = 0; at < DIGEST_BYTES; at += 1) {
      this.#digests[offset + at] = (this.#digests[offset + at] as number) ^ (hash[at] as number);
    }
  }
}

function textOf(digest: Uint8Array): string {
  return Buffer.from(digest.buffer, digest.byteOffset, digest.byteLength).toString('latin1');
}
