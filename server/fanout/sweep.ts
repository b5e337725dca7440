/**
 * The slow sweep: everything that is stored converges, whether anybody has it open or not, deletions included, and a
 * node with an empty disk fills up. [I2]
 *
 *   every 60 s ──my buckets──▶ everybody      one digest over the documents of each bucket
 *   a bucket differs ──list──▶ that node ──pages──▶ per document: ask for it, or delete it here too
 *
 * Each side pulls what it lacks, and again what does not come. Of several nodes that show the same bucket one is asked.
 * Bounded: lists under way, documents a second, what is remembered; what does not fit is found again by the next round. [I6]
 *
 * A node that has just started does not know what it does not have. Until it has compared itself with a node that knows
 * better, or with all that are there, it is *behind*, says so each second and is shown the buckets; after that `isBehind`
 * holds for the documents that others have and this one is still fetching: better "try again" than a wrong "there is
 * none". One that has reached nobody for a minute believes in what it has.
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
import type { Peer, Trigger } from './part.ts';
import { SweepRetries } from './sweep-retries.ts';

/** "I do not know yet what I lack": an application message of no document, which older nodes ignore. */
export const BEHIND_TOPIC = 'syncline/behind';
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
const RETRIES_PER_TICK = 500;
const AWAITED_MAX = 200_000;
/** What others have and does not come: given up until the next round. */
const AWAITED_MS = 120_000;
/** Every link is up: whoever there is has been heard by then. */
const ALONE_MS = 5_000;
const BEHIND_MS_MAX = 60_000;
/** Newcomers ask each second; what they are shown is 16 KiB. */
const GREETING_MS_MIN = 2_000;
/** A fill-up that brings nothing more for so long is over: what is left cannot be had. */
const STALLED_MS = 30_000;

export interface SweepOptions {
  readonly index: DigestIndex;
  readonly timers: Timers;
  readonly random: () => number;
  readonly send: (message: Message) => void;
  readonly want: (document: DocumentName, from: string, trigger: Trigger) => void;
  readonly bury: (document: DocumentName, from: string) => void;
  /** Other nodes that are alive. */
  readonly peers: () => readonly Pick<Peer, 'node'>[];
  /** The node says that it does not know yet what it lacks. */
  readonly isPeerBehind: (node: string) => boolean;
  /** Whoever is there is heard. */
  readonly isConnected: () => boolean;
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
  /** Since the start: buckets shown, documents asked for, deletions learnt, lists that did not come. */
  rounds = 0;
  wanted = 0;
  buried = 0;
  /** Found out again by a later round. */
  dropped = 0;
  readonly #options: SweepOptions;
  readonly #waiting: Waiting[] = [];
  readonly #asked = new Map<number, Asked>();
  /** By bucket: in which state it was last asked for. */
  readonly #seen = new Map<number, { readonly digest: string; readonly atMs: number }>();
  readonly #awaited = new Map<DocumentName, number>();
  readonly #retries: SweepRetries;
  readonly #startedMs: number;
  #nonce: number;
  #budget: number = WANTS_PER_SECOND;
  #nextRoundMs: number | null = null;
  #showsAtMs: number | null = null;
  #shownMs = -Infinity;
  #isReady = false;
  /** Nodes whose buckets have been looked at, until one of them, or all together, were enough. */
  readonly #compared = new Set<string>();
  #hasCompared = false;
  #connectedMs: number | null = null;
  /** Since the fill-up brought something; null: it is over. */
  #filledMs: number | null;
  /** There was no place to remember what is missing. */
  #overflowMs = -Infinity;

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#retries = new SweepRetries(options.index);
    this.#nonce = Math.floor(options.random() * 2 ** 40);
    this.#startedMs = options.timers.now();
    this.#filledMs = this.#startedMs;
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

  /** Documents that others have and that are on their way here. */
  get awaitedCount(): number {
    return this.#awaited.size;
  }

  /** Others may have the document although it is not here. */
  isBehind(document: DocumentName): boolean {
    const sinceOverflowMs = this.#options.timers.now() - this.#overflowMs;
    return this.#awaited.has(document) || sinceOverflowMs < AWAITED_MS || this.isNew;
  }

  /** Nothing is known yet of what is not here. */
  get isNew(): boolean {
    if (this.#hasCompared) return false;
    const { timers, peers } = this.#options;
    const isAlone = peers().length === 0 && this.#hearsAll;
    return !isAlone && timers.now() - this.#startedMs < BEHIND_MS_MAX;
  }

  get #hearsAll(): boolean {
    const nowMs = this.#options.timers.now();
    return nowMs - (this.#connectedMs ?? nowMs) >= ALONE_MS;
  }

  /** What is listed here lacks what others have: the first fill-up is not over. A node that hears nobody lists what it has. */
  get isFillingUp(): boolean {
    const { timers, peers } = this.#options;
    const mayComeYet = peers().length > 0 || timers.now() - this.#startedMs < ALONE_MS;
    return this.#filledMs !== null && mayComeYet;
  }

  /** It is here now. */
  arrived(document: DocumentName): void {
    if (!this.#awaited.delete(document)) return;
    if (this.#filledMs !== null) this.#filledMs = this.#options.timers.now();
  }

  /** A node has come, or says that it is behind: soon it is shown what there is, by whoever is first. */
  greet(): void {
    const { timers, random } = this.#options;
    const dueMs = Math.max(timers.now(), this.#shownMs + GREETING_MS_MIN);
    this.#showsAtMs ??= dueMs + random() * GREETING_SPREAD_MS;
  }

  /** Shows all buckets. */
  show(): void {
    if (!this.#isReady) return;
    const { index, timers, random, send } = this.#options;
    if (this.isNew) this.#tellBehind();
    send({ kind: 'buckets', digests: index.digests() });
    this.#showsAtMs = null;
    this.#shownMs = timers.now();
    this.#nextRoundMs = timers.now() + ROUND_MS + (random() - 0.5) * ROUND_SPREAD_MS;
    this.rounds += 1;
  }

  #tellBehind(): void {
    const bytes = new Uint8Array(0);
    this.#options.send({ kind: 'application', document: null, topic: BEHIND_TOPIC, bytes });
  }

  onMessage({ origin, message }: Received): void {
    if (message.kind === 'buckets') this.#onBuckets(origin, message.digests);
    else if (message.kind === 'list-reply') this.#onListReply(origin, message);
    else if (message.kind === 'list-request') {
      this.#onListRequest(origin, message.nonce, message.bucket, message.after);
    } else if (message.kind === 'application' && message.topic === BEHIND_TOPIC) this.greet();
  }

  /** About every second, or more often. */
  tick(): void {
    const { timers, isConnected } = this.#options;
    const nowMs = timers.now();
    this.#budget = WANTS_PER_SECOND;
    for (const [nonce, asked] of this.#asked) {
      if (nowMs - asked.atMs < LIST_TIMEOUT_MS) continue;
      // Lost, or its node is gone: whoever shows this bucket next is asked.
      this.#asked.delete(nonce);
      this.#seen.delete(asked.bucket);
      this.#compared.clear();
      this.dropped += 1;
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
    this.#connectedMs = isConnected() ? (this.#connectedMs ?? nowMs) : null;
    if (this.isNew && this.#isReady) this.#tellBehind();
    for (const { document, node } of this.#retries.take(nowMs, RETRIES_PER_TICK)) {
      this.#options.want(document, node, 'sweep');
    }
    this.#lookIfCompared();
    this.#lookIfFilled(nowMs);
    this.#next();
  }

  #lookIfFilled(nowMs: number): void {
    if (this.#filledMs === null || this.isNew) return;
    const isStalled = nowMs - this.#filledMs >= STALLED_MS && this.#asked.size === 0;
    if ((this.backlog === 0 && this.#awaited.size === 0) || isStalled) this.#filledMs = null;
  }

  /** Lists have come, or there were none to ask for. */
  #lookIfCompared(): void {
    if (this.#hasCompared || this.backlog > 0 || this.#compared.size === 0) return;
    const { peers, isPeerBehind } = this.#options;
    const knowsAll = this.#hearsAll && peers().every(({ node }) => this.#compared.has(node));
    this.#hasCompared = knowsAll || [...this.#compared].some((node) => !isPeerBehind(node));
    if (this.#hasCompared) this.#compared.clear();
    this.#lookIfFilled(this.#options.timers.now());
  }

  #onBuckets(node: string, digests: Uint8Array): void {
    if (!this.#isReady) return;
    const own = this.#options.index.digests();
    const nowMs = this.#options.timers.now();
    let isSame = true;
    let isWhole = true;
    for (let bucket = 0; bucket < SWEEP_BUCKETS; bucket += 1) {
      const at = bucket * DIGEST_BYTES;
      // Nearly all are equal, and there are a thousand: nothing is copied before one is not.
      if (isSameAt(digests, own, at)) continue;
      isSame = false;
      const digest = Buffer.from(digests.subarray(at, at + DIGEST_BYTES)).toString('latin1');
      if (this.#seen.get(bucket)?.digest === digest) continue;
      if (this.#waiting.length >= WAITING_MAX) {
        isWhole = false;
        this.dropped += 1;
        continue;
      }
      this.#seen.delete(bucket);
      this.#seen.set(bucket, { digest, atMs: nowMs });
      this.#waiting.push({ node, bucket, after: null });
    }
    // Somebody has shown what this node would show; of one that is behind others want to know it from itself.
    if (isSame && !this.isNew) this.#showsAtMs = null;
    if (isWhole && !this.#hasCompared) this.#compared.add(node);
    this.#lookIfCompared();
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
    this.#lookIfCompared();
    this.#next();
  }

  #compare(node: string, { document, isDeleted, digest }: ListEntry): void {
    const { index, timers, want, bury } = this.#options;
    // What is deleted here the other one finds out by itself.
    if (index.isDeleted(document) || index.matches(document, digest)) return;
    if (isDeleted) {
      this.buried += 1;
      this.arrived(document);
      bury(document, node);
      return;
    }
    this.wanted += 1;
    this.#budget -= 1;
    if (!index.has(document)) {
      this.#awaited.delete(document);
      if (this.#awaited.size < AWAITED_MAX) this.#awaited.set(document, timers.now());
      else this.#overflowMs = timers.now();
    }
    this.#retries.add({ document, node }, timers.now());
    want(document, node, 'sweep');
  }
}

function isSameAt(a: Uint8Array, b: Uint8Array, at: number): boolean {
  for (let index = at; index < at + DIGEST_BYTES; index += 1) {
    if (a[index] !== b[index]) return false;
  }
  return true;
}
