/**
 * Documents that the sweep has asked another node for, until something of them has come: an answer may be lost, nobody has the
 * document open whose heartbeat would tell, and the next round is a minute away. What has changed here meanwhile, by an answer
 * or by somebody who edits it, is not asked for again. Pure: no clock. Bounded. [I6]
 */
import type { DocumentName } from '../protocol/document-name.ts';
import { isSame } from './digest.ts';
import type { DigestIndex } from './digest-index.ts';

const ENTRIES_MAX = 20_000;
/** A question without an answer may be put again after half of that. */
const RETRY_MS = 3_000;
const ATTEMPTS_MAX = 4;

export interface SweptDocument {
  readonly document: DocumentName;
  /** Who has it. */
  readonly node: string;
}

interface Entry {
  readonly node: string;
  /** What was here; null: nothing. */
  readonly own: Uint8Array | null;
  readonly atMs: number;
  readonly attempts: number;
}

export class SweepRetries {
  readonly #index: Pick<DigestIndex, 'digestOf'>;
  /** Asked last, last. */
  readonly #entries = new Map<DocumentName, Entry>();

  constructor(index: Pick<DigestIndex, 'digestOf'>) {
    this.#index = index;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** It was asked for. */
  add({ document, node }: SweptDocument, nowMs: number): void {
    this.#put(document, node, nowMs, 1);
  }

  /** Those to be asked for again, `max` at most. */
  take(nowMs: number, max: number): readonly SweptDocument[] {
    const again: SweptDocument[] = [];
    for (const [document, { node, own, atMs, attempts }] of this.#entries) {
      if (nowMs - atMs < RETRY_MS || again.length >= max) break;
      this.#entries.delete(document);
      if (attempts >= ATTEMPTS_MAX || !isEqual(own, this.#index.digestOf(document))) continue;
      again.push({ document, node });
      this.#put(document, node, nowMs, attempts + 1);
    }
    return again;
  }

  #put(document: DocumentName, node: string, atMs: number, attempts: number): void {
    this.#entries.delete(document);
    if (this.#entries.size >= ENTRIES_MAX) return;
    const own = this.#index.digestOf(document);
    this.#entries.set(document, { node, own, atMs, attempts });
  }
}

function isEqual(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : isSame(a, b);
}
