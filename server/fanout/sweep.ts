/**
 * The slow sweep: everything that is stored converges, whether anybody has it open or not, deletions included, and a
 * node with an empty disk fills up. [I2]
 *
 *   every 60 s ──my buckets──▶ everybody      one digest over the documents of each bucket
 *   a bucket differs ──list──▶ that node ──pages──▶ per document: ask for it, or delete it here too
 *
 * Each side pulls what it lacks. Of several nodes that show the same bucket one is asked. Bounded: lists under way,
 * documents a second, what is remembered; what does not fit is found again by the next round. [I6]
 *
 * A node that has just started does not know what it does not have. Until the first comparison is over, and after
 * it for documents that others have and this one is still fetching, `isBehind` says so: better "try again" than
 * a wrong "there is none".
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { Timers } from '../rooms/timers.ts';
import type { DigestIndex } from './digest-index.ts';
import type { Received } from './exchange.ts';
import {
  DIGEST_BYTES,
  SWEEP_BUCKETS,
  inRuns,
  type ListEntry,
  type ListReplyMessage,
  type Message,
} from './messages.ts';
import type { Trigger } from './part.ts';

const ROUND_MS = 60_000;
/** Rounds of different nodes drift apart. */
const ROUND_SPREAD_MS = 10_000;
/** A new node is shown the buckets by whoever comes first. */
const GREETING_SPREAD_MS = 500;
/** A bucket that another node shows in the same state is not asked for again. */
const REPEAT_MS = 45_000;
const LISTS_MAX = 8;
const LIST_TIMEOUT_MS = 3_000;
/** Lists that wait for their turn: every bucket of some nodes. */
const WAITING_MAX: number = 4 * SWEEP_BUCKETS;
/** Documents that are asked for: what anti-entropy gets done, and no more than a node may be kept busy with. */
const WANTS_PER_SECOND = 2_000;
const AWAITED_MAX = 200_000;
/** What others have and does not come: given up until the next round. */
const AWAITED_MS = 120_000;
/** Nobody is there to compare with. */
const ALONE_MS = 5_000;
const BEHIND_MS_MAX = 60_000;

export interface SweepOptions {
  readonly index: DigestIndex;
  readonly timers: Timers;
  readonly random: () => number;
  readonly send: (message: Message) => void;
  readonly want: (document: DocumentName, from: string, trigger: Trigger) => void;
  readonly bury: (document: DocumentName) => void;
  readonly hasPeers: () => boolean;
}

interface Waiting {
  readonly node: string;
  readonly bucket: number;
  readonly after: DocumentName | null;
}

interface Asked extends Waiting {
  readonly atMs: number;
}

export class Sweep {
  /** Documents that were asked for, and deletions that were learnt, since the start. */
  wanted = 0;
  buried = 0;
  rounds = 0;
  readonly #options: SweepOptions;
  readonly #waiting: Waiting[] = [];
  readonly #asked = new Map<number, Asked>();
  /** By bucket: in which state it was last asked for. */
  readonly #seen = new Map<number, { readonly digest: string; readonly atMs: number }>();
  readonly #awaited = new Map<DocumentName, number>();
  readonly #startedMs: number;
  #nonce: number;
  #budget: number = WANTS_PER_SECOND;
  #nextRoundMs: number | null = null;
  #showsAtMs: number | null = null;
  #hasCompared = false;
  #isReady = false;

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#nonce = Math.floor(options.random() * 2 ** 40);
    this.#startedMs = options.timers.now();
  }

  /** Lists under way or waiting. */
  get backlog(): number {
    return this.#asked.size + this.#waiting.length;
  }

  /** The index is complete: rounds begin. */
  ready(): void {
    this.#isReady = true;
    this.show();
  }

  /** Others may have the document although it is not here. */
  isBehind(document: DocumentName): boolean {
    if (this.#awaited.has(document)) return true;
    if (this.#hasCompared) return false;
    const { timers, hasPeers } = this.#options;
    const runningMs = timers.now() - this.#startedMs;
    return runningMs < ALONE_MS || (runningMs < BEHIND_MS_MAX && hasPeers());
  }

  /** It is here now. */
  arrived(document: DocumentName): void {
    this.#awaited.delete(document);
  }

  /** A node has come: soon it is shown what there is, by whoever is first. */
  greet(): void {
    const { timers, random } = this.#options;
    this.#showsAtMs ??= timers.now() + random() * GREETING_SPREAD_MS;
  }

  /** Shows all buckets. */
  show(): void {
    if (!this.#isReady) return;
    const { index, timers, random, send } = this.#options;
    send({ kind: 'buckets', digests: index.digests() });
    this.#showsAtMs = null;
    this.#nextRoundMs = timers.now() + ROUND_MS + (random() - 0.5) * ROUND_SPREAD_MS;
    this.rounds += 1;
  }

  onMessage({ origin, message }: Received): void {
    if (message.kind === 'buckets') this.#onBuckets(origin, message.digests);
    else if (message.kind === 'list-reply') this.#onListReply(origin, message);
    else if (message.kind === 'list-request') {
      this.#onListRequest(origin, message.nonce, message.bucket, message.after);
    }
  }

  /** About every second, or more often. */
  tick(): void {
    const nowMs = this.#options.timers.now();
    this.#budget = WANTS_PER_SECOND;
    for (const [nonce, asked] of this.#asked) {
      // Lost, or its node is gone: the next round finds it again.
      if (nowMs - asked.atMs >= LIST_TIMEOUT_MS) this.#asked.delete(nonce);
    }
    for (const [document, atMs] of this.#awaited) {
      if (nowMs - atMs < AWAITED_MS) break;
      this.#awaited.delete(document);
    }
    for (const [bucket, { atMs }] of this.#seen) {
      if (nowMs - atMs >= REPEAT_MS) this.#seen.delete(bucket);
    }
    const isDue =
      nowMs >= (this.#nextRoundMs ?? Infinity) || nowMs >= (this.#showsAtMs ?? Infinity);
    if (isDue) this.show();
    this.#next();
  }

  #onBuckets(node: string, digests: Uint8Array): void {
    if (!this.#isReady) return;
    const own = this.#options.index.digests();
    const nowMs = this.#options.timers.now();
    let isSame = true;
    for (let bucket = 0; bucket < SWEEP_BUCKETS; bucket += 1) {
      const at = bucket * DIGEST_BYTES;
      const digest = Buffer.from(digests.subarray(at, at + DIGEST_BYTES)).toString('latin1');
      if (digest === Buffer.from(own.subarray(at, at + DIGEST_BYTES)).toString('latin1')) continue;
      isSame = false;
      if (this.#seen.get(bucket)?.digest === digest || this.#waiting.length >= WAITING_MAX)
        continue;
      this.#seen.delete(bucket);
      this.#seen.set(bucket, { digest, atMs: nowMs });
      this.#waiting.push({ node, bucket, after: null });
    }
    // Somebody has shown what this node would show.
    if (isSame) this.#showsAtMs = null;
    if (this.backlog === 0) this.#hasCompared = true;
    this.#next();
  }

  #next(): void {
    const { send, timers } = this.#options;
    while (this.#asked.size < LISTS_MAX && this.#budget > 0) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#nonce += 1;
      this.#asked.set(this.#nonce, { ...next, atMs: timers.now() });
      const { node: to, bucket, after } = next;
      send({ kind: 'list-request', to, nonce: this.#nonce, bucket, after });
    }
  }

  /** One page; who wants more asks with its last name. */
  #onListRequest(to: string, nonce: number, bucket: number, after: DocumentName | null): void {
    const { index, send } = this.#options;
    const [entries = [], ...rest] = inRuns(index.list(bucket, after));
    send({ kind: 'list-reply', to, nonce, bucket, isLast: rest.length === 0, entries });
  }

  #onListReply(node: string, { nonce, bucket, isLast, entries }: ListReplyMessage): void {
    const asked = this.#asked.get(nonce);
    if (asked?.node !== node || asked.bucket !== bucket) return;
    this.#asked.delete(nonce);
    for (const entry of entries) this.#compare(node, entry);
    const last = entries.at(-1);
    if (!isLast && last !== undefined) {
      this.#waiting.unshift({ node, bucket, after: last.document });
    }
    if (this.backlog === 0) this.#hasCompared = true;
    this.#next();
  }

  #compare(node: string, { document, isDeleted, digest }: ListEntry): void {
    const { index, timers, want, bury } = this.#options;
    // What is deleted here the other one finds out by itself.
    if (index.isDeleted(document) || index.matches(document, digest)) return;
    if (isDeleted) {
      this.buried += 1;
      this.arrived(document);
      bury(document);
      return;
    }
    this.wanted += 1;
    this.#budget -= 1;
    if (!index.has(document) && this.#awaited.size < AWAITED_MAX) {
      this.#awaited.delete(document);
      this.#awaited.set(document, timers.now());
    }
    want(document, node, 'sweep');
  }
}
