/**
 * Documents whose snapshots other nodes say are others than here, by node: each is asked in its turn, and one that does not
 * answer is left alone for a while, twice as long each time, so that nobody waits for it and it is soon asked again when it
 * was only not heard. Pure: no clock. Bounded. [I6]
 */
import type { DocumentName } from '../protocol/document-name.ts';

/** All nodes together. */
const WANTS_MAX = 20_000;
const PAUSE_MS_MIN = 2_000;
const PAUSE_MS_MAX = 64_000;

export interface Want {
  readonly node: string;
  readonly document: DocumentName;
  /** Of what the node says that it has. */
  readonly digest: Uint8Array;
}

interface Teller {
  readonly wants: Map<DocumentName, Uint8Array>;
  /** Questions in a row that came to nothing. */
  failures: number;
  pausedUntilMs: number;
}

export class Wants {
  /** Who was asked last is the last to be asked again. */
  readonly #tellers = new Map<string, Teller>();
  #size = 0;

  /** Different ones. */
  get documents(): number {
    const all = new Set<DocumentName>();
    for (const { wants } of this.#tellers.values()) for (const name of wants.keys()) all.add(name);
    return all.size;
  }

  /** The newest word of a node counts. Dropped when there are too many: it will be told again. */
  add({ node, document, digest }: Want): void {
    const known = this.#tellers.get(node);
    if (this.#size >= WANTS_MAX && known?.wants.has(document) !== true) return;
    const teller = known ?? { wants: new Map(), failures: 0, pausedUntilMs: -Infinity };
    if (known === undefined) this.#tellers.set(node, teller);
    if (!teller.wants.has(document)) this.#size += 1;
    // It waits, and the bytes that it came in, which may be those of many, do not.
    teller.wants.set(document, new Uint8Array(digest));
  }

  /** It did not work out. Nothing is done if something newer was said meanwhile, or the node is gone: it is not asked for ever. */
  putBack(want: Want): void {
    if (this.#tellers.get(want.node)?.wants.has(want.document) === false) this.add(want);
  }

  /** The next to ask for, of a document that is not `busy`; null: there is none now. */
  take(nowMs: number, isBusy: (document: DocumentName) => boolean): Want | null {
    for (const [node, teller] of this.#tellers) {
      if (nowMs < teller.pausedUntilMs) continue;
      for (const [document, digest] of teller.wants) {
        if (isBusy(document)) continue;
        this.#remove(teller, document);
        this.#tellers.delete(node);
        this.#tellers.set(node, teller);
        return { node, document, digest };
      }
    }
    return null;
  }

  /** The node has what is here. */
  settle(node: string, document: DocumentName): void {
    const teller = this.#tellers.get(node);
    if (teller !== undefined) this.#remove(teller, document);
  }

  /** The document is deleted. */
  forget(document: DocumentName): void {
    for (const teller of this.#tellers.values()) this.#remove(teller, document);
  }

  isPaused(node: string, nowMs: number): boolean {
    return nowMs < (this.#tellers.get(node)?.pausedUntilMs ?? -Infinity);
  }

  /** It answers, or may well hear again. */
  resume(node: string): void {
    const teller = this.#tellers.get(node);
    if (teller === undefined) return;
    teller.failures = 0;
    teller.pausedUntilMs = -Infinity;
  }

  resumeAll(): void {
    for (const node of this.#tellers.keys()) this.resume(node);
  }

  /** Asking it has come to nothing. */
  pause(node: string, nowMs: number, msMax: number = PAUSE_MS_MAX): void {
    const teller = this.#tellers.get(node);
    // Several questions to it end together.
    if (teller === undefined || nowMs < teller.pausedUntilMs) return;
    teller.pausedUntilMs = nowMs + Math.min(msMax, PAUSE_MS_MIN * 2 ** teller.failures);
    teller.failures += 1;
  }

  /** The node is gone, and tells anew when it comes back. */
  drop(node: string): void {
    this.#size -= this.#tellers.get(node)?.wants.size ?? 0;
    this.#tellers.delete(node);
  }

  clear(): void {
    this.#tellers.clear();
    this.#size = 0;
  }

  #remove({ wants }: Teller, document: DocumentName): void {
    if (wants.delete(document)) this.#size -= 1;
  }
}
