/**
 * Learns the digests of documents that are not open here and that another node speaks of. Bounded: rooms opened for it
 * at a time, and documents that wait. [I6]
 */
import type { DocumentName } from '../protocol/document-name.ts';
import { EMPTY_DIGEST, roomDigest } from './digest.ts';
import type { HeartbeatEntry } from './messages.ts';
import type { News } from './news.ts';
import type { FanoutScene } from './part.ts';
import { isDeletion, visit } from './visit.ts';

const LOOKUPS_MAX = 8;
const WAITING_MAX = 20_000;

interface Waiting {
  readonly node: string;
  readonly entry: HeartbeatEntry;
}

export class Lookups {
  readonly #scene: FanoutScene;
  readonly #news: News;
  /** What was read from disk before, if some part knows. */
  readonly #stored: (document: DocumentName) => Uint8Array | null;
  readonly #onLearned: (node: string, entry: HeartbeatEntry) => void;
  readonly #waiting = new Map<DocumentName, Waiting>();
  #running = 0;
  #isClosed = false;

  constructor(
    scene: FanoutScene,
    news: News,
    stored: (document: DocumentName) => Uint8Array | null,
    onLearned: (node: string, entry: HeartbeatEntry) => void,
  ) {
    this.#scene = scene;
    this.#news = news;
    this.#stored = stored;
    this.#onLearned = onLearned;
  }

  add(document: DocumentName, node: string, entry: HeartbeatEntry): void {
    // What is not open here is not replicated here.
    if (this.#isClosed || !this.#scene.isFull) return;
    if (!this.#waiting.has(document) && this.#waiting.size >= WAITING_MAX) return;
    const digest = new Uint8Array(entry.digest);
    this.#waiting.set(document, { node, entry: { ...entry, digest } });
    this.#next();
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting.clear();
  }

  #next(): void {
    for (const [document, waiting] of this.#waiting) {
      if (this.#running >= LOOKUPS_MAX) return;
      this.#waiting.delete(document);
      this.#running += 1;
      this.#look(document)
        .then(
          () => {
            if (!this.#isClosed) this.#onLearned(waiting.node, waiting.entry);
          },
          // A document that cannot be opened now is looked up again when it is spoken of again.
          () => undefined,
        )
        .finally(() => {
          this.#running -= 1;
          this.#next();
        });
    }
  }

  async #look(document: DocumentName): Promise<void> {
    const stored = this.#stored(document);
    if (stored !== null) return this.#news.learned(document, stored);
    const isOpen = this.#scene.registry.find(document) !== null;
    if (!isOpen && (await this.#scene.store.stat(document)) === null) {
      return this.#news.learned(document, EMPTY_DIGEST);
    }
    try {
      const { room, release } = await visit(this.#scene, document);
      this.#news.learned(document, roomDigest(room));
      release();
    } catch (error) {
      if (!isDeletion(error)) throw error;
      this.#news.deleted(document);
    }
  }
}
