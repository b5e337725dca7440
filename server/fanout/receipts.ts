/**
 * What this node says about the updates of others: "all that you published on these documents up to there is on my
 * disk". [I1] Cumulative, one mark for each origin and document, collected for 20 ms.
 *
 * The mark moves along the origin's chain: each update names the one before it (`previousSeq`), so that a message
 * lost on the channel stops only its own document. A chain begins with an update that is the first of its epoch
 * (`previousSeq` 0) or where the origin's answer, or an equal version, covered everything; what hangs loose waits
 * for what is missing, or for the next answer. When in doubt the mark stays: the origin asks again.
 *
 * Only origins of other regions are answered: nobody waits for a disk of its own region.
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { TimerHandle, Timers } from '../rooms/timers.ts';
import type { Epoch } from './envelope.ts';
import { inRuns, type DurableMessage } from './messages.ts';

const SAY_AFTER_MS = 20;
/** Updates that came before the one they follow. */
const LOOSE_MAX = 64;
/** Beyond it the chain heard least recently is forgotten: its origin asks, and it begins anew. About 200 bytes each. */
const CHAINS_MAX = 65_536;

export interface Sender {
  readonly origin: string;
  readonly epoch: Epoch;
  readonly region: string;
}

interface Link {
  readonly previousSeq: number;
  readonly busSeq: number;
  /** The room's sequence number that must be on disk for it. */
  readonly storeSeq: number;
}

interface Chain {
  readonly document: DocumentName;
  readonly origin: string;
  readonly epoch: Epoch;
  /** Everything up to there is in the room. */
  heldSeq: number;
  /** Everything up to there is on disk. */
  syncedSeq: number;
  /** Held, and not known to be on disk; ascending. */
  pending: { busSeq: number; storeSeq: number }[];
  loose: Link[];
}

export interface ReceiptsOptions {
  readonly region: string;
  readonly timers: Timers;
  readonly send: (message: DurableMessage) => void;
  /** Of the open room; `Infinity` for a document that is not open: all of it is on disk. */
  readonly durableSeqOf: (document: DocumentName) => number;
}

export class Receipts {
  readonly #options: ReceiptsOptions;
  readonly #chainsMax: number;
  readonly #chains = new Map<string, Chain>();
  readonly #ofDocument = new Map<DocumentName, Set<Chain>>();
  readonly #toSay = new Set<Chain>();
  #timer: TimerHandle | null = null;

  constructor(options: ReceiptsOptions, chainsMax: number = CHAINS_MAX) {
    this.#options = options;
    this.#chainsMax = chainsMax;
  }

  get chainCount(): number {
    return this.#chains.size;
  }

  /** An update of the origin is in the room, accepted or known before; `storeSeq` is the room's applied one. */
  note(
    sender: Sender,
    document: DocumentName,
    previousSeq: number,
    busSeq: number,
    storeSeq: number,
  ): void {
    if (sender.region === this.#options.region) return;
    const chain = this.#chainOf(sender, document);
    if (busSeq <= chain.heldSeq) return;
    chain.loose.push({ previousSeq, busSeq, storeSeq });
    this.#tie(chain);
    if (chain.loose.length > LOOSE_MAX) chain.loose.shift();
  }

  /** Everything that the origin had on the document at `upToSeq` is in the room. */
  covered(sender: Sender, document: DocumentName, upToSeq: number, storeSeq: number): void {
    if (sender.region === this.#options.region) return;
    const chain = this.#chainOf(sender, document);
    if (upToSeq > chain.heldSeq) {
      this.#hold(chain, upToSeq, storeSeq);
      this.#tie(chain);
    } else if (upToSeq <= chain.syncedSeq) {
      // It asks for what it was told: that was lost.
      this.#say(chain);
    }
  }

  /** A room's disk has come further. */
  durable(document: DocumentName, durableSeq: number): void {
    for (const chain of this.#ofDocument.get(document) ?? []) this.#sync(chain, durableSeq);
  }

  /** The origin has started anew: what it published before nobody waits for. */
  forget(origin: string, epoch: Epoch): void {
    for (const chain of this.#chains.values()) {
      if (chain.origin === origin && chain.epoch !== epoch) this.#drop(chain);
    }
  }

  /** Says what is still to be said: others wait for it. */
  close(): void {
    if (this.#timer !== null) this.#options.timers.clearTimeout(this.#timer);
    this.#timer = null;
    this.#sayAll();
  }

  #chainOf({ origin, epoch }: Sender, document: DocumentName): Chain {
    const key = `${origin} ${document}`;
    const known = this.#chains.get(key);
    if (known?.epoch === epoch) return known;
    if (known !== undefined) this.#drop(known);
    for (const oldest of this.#chains.values()) {
      if (this.#chains.size < this.#chainsMax) break;
      this.#drop(oldest);
    }
    const chain: Chain = {
      document,
      origin,
      epoch,
      heldSeq: 0,
      syncedSeq: 0,
      pending: [],
      loose: [],
    };
    this.#chains.set(key, chain);
    const others = this.#ofDocument.get(document);
    if (others === undefined) this.#ofDocument.set(document, new Set([chain]));
    else others.add(chain);
    return chain;
  }

  #drop(chain: Chain): void {
    this.#chains.delete(`${chain.origin} ${chain.document}`);
    this.#toSay.delete(chain);
    const others = this.#ofDocument.get(chain.document);
    others?.delete(chain);
    if (others?.size === 0) this.#ofDocument.delete(chain.document);
  }

  /** Takes loose ends that now follow. */
  #tie(chain: Chain): void {
    for (;;) {
      const at = chain.loose.findIndex(({ previousSeq }) => previousSeq <= chain.heldSeq);
      const next = chain.loose[at];
      if (next === undefined) return;
      chain.loose.splice(at, 1);
      if (next.busSeq > chain.heldSeq) this.#hold(chain, next.busSeq, next.storeSeq);
    }
  }

  #hold(chain: Chain, busSeq: number, storeSeq: number): void {
    chain.heldSeq = busSeq;
    const last = chain.pending.at(-1);
    // Order on disk is the room's: what came later in the chain may lie earlier there.
    const needed = Math.max(storeSeq, last?.storeSeq ?? -1);
    if (last?.storeSeq === needed) last.busSeq = busSeq;
    else chain.pending.push({ busSeq, storeSeq: needed });
    this.#sync(chain, this.#options.durableSeqOf(chain.document));
  }

  #sync(chain: Chain, durableSeq: number): void {
    const { pending } = chain;
    let reached = 0;
    while (reached < pending.length && (pending[reached]?.storeSeq ?? Infinity) <= durableSeq) {
      reached += 1;
    }
    const newest = pending[reached - 1];
    if (newest === undefined) return;
    pending.splice(0, reached);
    chain.syncedSeq = newest.busSeq;
    this.#say(chain);
  }

  #say(chain: Chain): void {
    this.#toSay.add(chain);
    this.#timer ??= this.#options.timers.setTimeout(() => {
      this.#timer = null;
      this.#sayAll();
    }, SAY_AFTER_MS);
  }

  #sayAll(): void {
    const byOrigin = new Map<string, Chain[]>();
    for (const chain of this.#toSay) {
      const chains = byOrigin.get(chain.origin);
      if (chains === undefined) byOrigin.set(chain.origin, [chain]);
      else chains.push(chain);
    }
    this.#toSay.clear();
    for (const [to, chains] of byOrigin) {
      // All of one origin are of one epoch, but for those of a start that has just ended.
      for (const epoch of new Set(chains.map((chain) => chain.epoch))) {
        const entries = chains
          .filter((chain) => chain.epoch === epoch)
          .map(({ document, syncedSeq }) => ({ document, upToSeq: syncedSeq }));
        for (const run of inRuns(entries)) {
          this.#options.send({ kind: 'durable', to, epoch, entries: run });
        }
      }
    }
  }
}
