/**
 * Compares what another node says of a document with what this one has. A difference is no reason to ask yet: while
 * somebody types, replicas differ by what is under way. It becomes one when
 *
 *   - the other one says it has published something that has not come, and it has not come a moment later either;
 *   - it says the same digest twice: nothing was written there for a second, and still we differ;
 *   - nothing has been written here for a moment, and still we differ.
 *
 * What differs, and since when, is kept for operators. Bounded by what a heartbeat may list. [I6]
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { Timers } from '../rooms/timers.ts';
import { DELETED_DIGEST, EMPTY_DIGEST, isSame } from './digest.ts';
import type { HeartbeatEntry } from './messages.ts';
import type { News } from './news.ts';

/** Messages of different channels have no order: what a heartbeat speaks of may still be under way. */
const SETTLE_MS = 150;
const DIFFERENT_MAX = 20_000;
/** Three full heartbeats and some: the other one speaks of the document no more. The slow sweep does. */
const SAID_MS = 35_000;

interface Difference {
  digest: Uint8Array;
  /** When the other one said so first. */
  sinceMs: number;
  /** When it said so last. */
  saidMs: number;
  isChecking: boolean;
}

export interface ComparisonOptions {
  readonly news: News;
  readonly timers: Timers;
  /** Up to which number everything of a node on a document has come. */
  readonly knownSeqOf: (node: string, document: DocumentName) => number;
  /** There is something at `node` that is not here. */
  readonly onBehind: (document: DocumentName, node: string) => void;
  /** Both have the same. */
  readonly onEqual: (document: DocumentName, node: string) => void;
  /** `node` says that the document is deleted, and it is not deleted here. */
  readonly onDeletedThere: (document: DocumentName, node: string) => void;
  /** It is deleted here, and `node` does not know. */
  readonly onDeletedHere: (document: DocumentName) => void;
  /** Nothing is known of the document: call `look` again when its digest was learned. */
  readonly onUnknown: (document: DocumentName, node: string, entry: HeartbeatEntry) => void;
}

export class Comparison {
  readonly #options: ComparisonOptions;
  readonly #differing = new Map<string, Map<DocumentName, Difference>>();
  #isClosed = false;

  constructor(options: ComparisonOptions) {
    this.#options = options;
  }

  /** One line of a heartbeat. */
  look(node: string, entry: HeartbeatEntry): void {
    const { news, timers } = this.#options;
    const { document, digest } = entry;
    if (this.#isClosed) return;
    const own = news.digestOf(document);
    if (own === null) {
      this.#options.onUnknown(document, node, entry);
      return;
    }
    // Who has nothing has nothing for us: an older node says so of what is there without content.
    if (isSame(own, digest) || isSame(digest, EMPTY_DIGEST)) {
      // It speaks of what it lacks: it is told what is here.
      if (!isSame(own, digest)) news.disputed(document);
      this.#agreed(node, document);
      return;
    }
    if (isSame(digest, DELETED_DIGEST)) {
      this.#options.onDeletedThere(document, node);
      return;
    }
    if (isSame(own, DELETED_DIGEST)) {
      this.#options.onDeletedHere(document);
      return;
    }
    news.disputed(document);
    const known = this.#differing.get(node)?.get(document);
    const isRepeated = known !== undefined && isSame(known.digest, digest);
    const difference = known ?? this.#note(node, document, entry);
    if (difference === null) return;
    difference.saidMs = timers.now();
    if (!isRepeated) {
      difference.digest = new Uint8Array(digest);
      difference.sinceMs = timers.now();
    }
    if (isRepeated && !difference.isChecking) {
      this.#options.onBehind(document, node);
    } else if (!difference.isChecking) {
      difference.isChecking = true;
      timers.setTimeout(() => {
        difference.isChecking = false;
        this.#check(node, document, entry.lastSeq, difference);
      }, SETTLE_MS);
    }
  }

  /** Documents of which another living node has said something else than what is here. */
  get count(): number {
    return this.documents().size;
  }

  documents(): ReadonlySet<DocumentName> {
    return new Set([...this.#differing.values()].flatMap((documents) => [...documents.keys()]));
  }

  countOf(node: string): number {
    return this.#differing.get(node)?.size ?? 0;
  }

  /** For how long the document that has differed for longest does: milliseconds, 0 if none. */
  get ageMs(): number {
    let sinceMs = Infinity;
    for (const documents of this.#differing.values()) {
      for (const difference of documents.values()) sinceMs = Math.min(sinceMs, difference.sinceMs);
    }
    return sinceMs === Infinity ? 0 : this.#options.timers.now() - sinceMs;
  }

  /** The document is now as this node says; the others will say so in their turn. */
  settle(document: DocumentName): void {
    const own = this.#options.news.digestOf(document);
    if (own === null) return;
    for (const [node, documents] of this.#differing) {
      const difference = documents.get(document);
      if (difference !== undefined && isSame(difference.digest, own)) this.#agreed(node, document);
    }
  }

  /** Once a second: forgets what nobody speaks of any more. */
  tick(): void {
    const nowMs = this.#options.timers.now();
    for (const [node, documents] of this.#differing) {
      for (const [document, { saidMs }] of documents) {
        if (nowMs - saidMs >= SAID_MS) documents.delete(document);
      }
      if (documents.size === 0) this.#differing.delete(node);
    }
  }

  /** The node is gone, or has restarted. */
  forget(node: string): void {
    this.#differing.delete(node);
  }

  close(): void {
    this.#isClosed = true;
  }

  #check(node: string, document: DocumentName, lastSeq: number, difference: Difference): void {
    const { news, timers, knownSeqOf } = this.#options;
    const own = news.digestOf(document);
    if (this.#isClosed || this.#differing.get(node)?.get(document) !== difference) return;
    if (own !== null && isSame(own, difference.digest)) {
      this.#agreed(node, document);
      return;
    }
    const isMissing = knownSeqOf(node, document) < lastSeq;
    const isQuiet = timers.now() - news.changedMsOf(document) >= SETTLE_MS;
    if (isMissing || isQuiet) this.#options.onBehind(document, node);
  }

  #agreed(node: string, document: DocumentName): void {
    const documents = this.#differing.get(node);
    documents?.delete(document);
    if (documents?.size === 0) this.#differing.delete(node);
    this.#options.onEqual(document, node);
  }

  #note(node: string, document: DocumentName, { digest }: HeartbeatEntry): Difference | null {
    let documents = this.#differing.get(node);
    if (documents === undefined) this.#differing.set(node, (documents = new Map()));
    if (documents.size >= DIFFERENT_MAX) return null;
    const sinceMs = this.#options.timers.now();
    const difference: Difference = {
      digest: new Uint8Array(digest),
      sinceMs,
      saidMs: sinceMs,
      isChecking: false,
    };
    documents.set(document, difference);
    return difference;
  }
}
