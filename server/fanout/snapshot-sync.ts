/**
 * Snapshots on all nodes: what is made or deleted on one is soon made or deleted on every other. They never change, so that
 * two sets of ids say what is missing where: those that there are and those that were deleted.
 *
 *   made or deleted here ──digest──▶ everybody ──differs──list?──▶ that node
 *                                      deleted there: deleted here too
 *                                      there, not here: ──state?──▶ that node, slice by slice; checked, then stored
 *                                      here, not there: told, so that it asks in its turn
 *
 * Messages get lost. What has changed lately is told again for some seconds, and whenever a node may have missed anything;
 * everything within a minute, and at once, at a bounded pace, when a node has come. [I2] Each side only ever takes what it
 * lacks from one node, and what fails is found again by the next round. Bounded: documents waited for, lists and states under
 * way, answers at a time. [I6]
 */
import { StoreError } from '../../persistence/store.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import type { Slice } from '../rooms/snapshot-records.ts';
import type { SnapshotReplica } from '../rooms/snapshot-replica.ts';
import type { Timers } from '../rooms/timers.ts';
import { isSame } from './digest.ts';
import type { Received } from './exchange.ts';
import {
  inRuns,
  type Message,
  type SnapshotReplyMessage,
  type SnapshotRequestMessage,
} from './messages.ts';
import { decodeList, encodeList, hasMore, listDigest } from './snapshot-list.ts';

const ROUND_MS = 60_000;
/** Of a round that has a minute; each entry is its name and some 20 bytes. */
const TOLD_PER_TICK_MIN = 20;
/** A newcomer is told faster. */
const TOLD_PER_TICK_MAX = 1_000;
/** A message that was lost is not missed for longer than this, when nobody notices. */
const FRESH_MS = 4_000;
/** Longer than any cut that the others do not notice. */
const RECENT_MS = 600_000;
const RECENT_MAX = 1_000;
const WANTS_MAX = 20_000;
/** Each may hold a whole state for a moment, packed and unpacked. */
const PULLS_MAX = 2;
const ANSWERS_MAX = 16;
/** Snapshots that were refused, and are not asked for again. */
const REFUSED_MAX = 10_000;
const ANSWER_TIMEOUT_MS = 2_000;
const ATTEMPTS_MAX = 3;
/** Who does not answer is not asked for so long: a round of the others, and some more. */
const SILENT_MS = 70_000;
/** Of one reply: well below what a message may hold. */
const SLICE_BYTES: number = 192 * 1024;
const LIST_BYTES_MAX: number = 16 * 1024 * 1024;

export interface SnapshotSyncOptions {
  readonly replica: Pick<
    SnapshotReplica,
    'documents' | 'known' | 'slice' | 'bytesMaxOf' | 'adopt' | 'bury' | 'onChanged'
  >;
  readonly timers: Timers;
  readonly send: (message: Message) => void;
  readonly onError: (doing: string, error: unknown) => void;
}

/** What another node says of a document that is different here. */
interface Want {
  readonly node: string;
  readonly digest: Uint8Array;
}

interface Question {
  readonly node: string;
  readonly document: DocumentName;
  readonly atMs: number;
  readonly resolve: (reply: SnapshotReplyMessage | null) => void;
}

export class SnapshotSync {
  /** Since the start: snapshots taken, deletions learnt, what was not what it should have been. */
  taken = 0;
  buried = 0;
  refused = 0;
  readonly #options: SnapshotSyncOptions;
  readonly #own = new Map<DocumentName, Uint8Array>();
  /** When it changed here, oldest first. */
  readonly #recent = new Map<DocumentName, number>();
  readonly #wants = new Map<DocumentName, Want>();
  readonly #pulling = new Set<DocumentName>();
  readonly #refused = new Set<string>();
  /** Nodes that have not answered: until when they are not asked. */
  readonly #silent = new Map<string, number>();
  readonly #questions = new Map<number, Question>();
  #answering = 0;
  #nonce = 0;
  #isReady = false;
  #isClosed = false;
  /** What the round under way has not told yet. */
  #untold: DocumentName[] = [];
  #perTick = 0;
  #nextRoundMs = 0;

  constructor(options: SnapshotSyncOptions) {
    this.#options = options;
  }

  /** Documents whose snapshots differ from those of another node, as far as is known. */
  get waiting(): number {
    return this.#wants.size + this.#pulling.size;
  }

  /** Learns what is stored, then begins. */
  async start(): Promise<void> {
    const { replica } = this.#options;
    replica.onChanged = (document) => {
      this.#run('telling of a snapshot', async () => {
        await this.#note(document);
        this.#changed(document);
      });
    };
    for await (const document of replica.documents()) {
      if (this.#isClosed) return;
      if (!this.#own.has(document)) await this.#note(document);
    }
    this.#isReady = true;
    this.#tellAll(TOLD_PER_TICK_MAX);
    this.#next();
  }

  onMessage({ origin, message }: Received): void {
    if (message.kind === 'snapshots') {
      for (const { document, digest } of message.entries) this.#compare(origin, document, digest);
      this.#next();
    } else if (message.kind === 'snapshot-request') this.#onRequest(origin, message);
    else if (message.kind === 'snapshot-reply') this.#onReply(origin, message);
    else if (message.kind === 'heartbeat' && message.isAsking) this.tellRecent();
  }

  /** Somebody may have missed anything. */
  tellRecent(): void {
    this.#tell([...this.#recent.keys()]);
  }

  /** A link is up again: who seemed silent may only not have been heard. */
  linked(): void {
    this.#silent.clear();
    this.tellRecent();
  }

  /** A node has come that may have nothing. */
  greet(node: string): void {
    this.#silent.delete(node);
    this.#tellAll(TOLD_PER_TICK_MAX);
  }

  /** The document is deleted, and its snapshots with it. */
  forget(document: DocumentName): void {
    this.#own.delete(document);
    this.#recent.delete(document);
    this.#wants.delete(document);
  }

  /** About once a second. */
  tick(): void {
    const nowMs = this.#options.timers.now();
    for (const [nonce, { atMs, resolve }] of this.#questions) {
      if (nowMs - atMs < ANSWER_TIMEOUT_MS) break;
      this.#questions.delete(nonce);
      resolve(null);
    }
    for (const [node, untilMs] of this.#silent) if (nowMs >= untilMs) this.#silent.delete(node);
    for (const [document, atMs] of this.#recent) {
      if (nowMs - atMs < RECENT_MS && this.#recent.size <= RECENT_MAX) break;
      this.#recent.delete(document);
    }
    const fresh = [...this.#recent].filter(([, atMs]) => nowMs - atMs < FRESH_MS);
    this.#tell(fresh.map(([document]) => document));
    this.#tell(this.#untold.splice(0, this.#perTick));
    if (nowMs >= this.#nextRoundMs) {
      this.#tellAll(Math.max(TOLD_PER_TICK_MIN, Math.ceil((this.#own.size * 1_000) / ROUND_MS)));
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#options.replica.onChanged = () => undefined;
    this.#wants.clear();
    for (const { resolve } of this.#questions.values()) resolve(null);
    this.#questions.clear();
  }

  // ── telling ──────────────────────────────────────────────────────────────────────────────────────────

  async #note(document: DocumentName): Promise<void> {
    const list = await this.#options.replica.known(document);
    const isEmpty = list.snapshots.length === 0 && list.deleted.length === 0;
    if (isEmpty) this.#own.delete(document);
    else this.#own.set(document, listDigest(list));
  }

  #changed(document: DocumentName): void {
    this.#recent.delete(document);
    this.#recent.set(document, this.#options.timers.now());
    this.#tell([document]);
  }

  #tellAll(perTick: number): void {
    if (!this.#isReady) return;
    this.#untold = [...this.#own.keys()];
    this.#perTick = Math.min(perTick, TOLD_PER_TICK_MAX);
    this.#nextRoundMs = this.#options.timers.now() + ROUND_MS;
  }

  #tell(documents: readonly DocumentName[]): void {
    if (this.#isClosed) return;
    const entries = documents.flatMap((document) => {
      const digest = this.#own.get(document);
      return digest === undefined ? [] : [{ document, digest }];
    });
    for (const run of inRuns(entries)) {
      if (run.length > 0) this.#options.send({ kind: 'snapshots', entries: run });
    }
  }

  #onRequest(to: string, { document, nonce, id, offset }: SnapshotRequestMessage): void {
    if (this.#isClosed || this.#answering >= ANSWERS_MAX) return;
    this.#answering += 1;
    this.#run('answering about snapshots', async () => {
      try {
        const slice =
          id === null
            ? await this.#sliceOfList(document, offset)
            : await this.#options.replica.slice(document, id, offset, SLICE_BYTES);
        const { size, bytes } = slice ?? { size: 0, bytes: new Uint8Array(0) };
        if (!this.#isClosed) {
          this.#options.send({ kind: 'snapshot-reply', to, document, nonce, size, bytes });
        }
      } finally {
        this.#answering -= 1;
      }
    });
  }

  async #sliceOfList(document: DocumentName, offset: number): Promise<Slice> {
    const list = encodeList(await this.#options.replica.known(document));
    return { size: list.length, bytes: list.subarray(offset, offset + SLICE_BYTES) };
  }

  // ── taking ───────────────────────────────────────────────────────────────────────────────────────────

  #compare(node: string, document: DocumentName, digest: Uint8Array): void {
    const own = this.#own.get(document);
    if (own !== undefined && isSame(own, digest)) {
      // What was wanted is here, unless somebody else has said so.
      if (this.#wants.get(document)?.node === node) this.#wants.delete(document);
      return;
    }
    if (this.#isClosed || this.#silent.has(node)) return;
    if (this.#wants.size >= WANTS_MAX && !this.#wants.has(document)) return;
    // It waits, and the bytes that it came in, which may be those of many, do not.
    this.#wants.set(document, { node, digest: new Uint8Array(digest) });
  }

  #next(): void {
    if (!this.#isReady) return;
    for (const [document, { node, digest }] of this.#wants) {
      if (this.#pulling.size >= PULLS_MAX) return;
      if (this.#pulling.has(document)) continue;
      this.#wants.delete(document);
      const own = this.#own.get(document);
      if (own !== undefined && isSame(own, digest)) continue;
      this.#pulling.add(document);
      this.#run('taking snapshots of another node', async () => {
        try {
          await this.#pull(document, node);
        } finally {
          this.#pulling.delete(document);
          this.#next();
        }
      });
    }
  }

  /** Takes from the node what it has of the document and this one lacks; tells it, if it lacks something itself. */
  async #pull(document: DocumentName, node: string): Promise<void> {
    const { replica } = this.#options;
    const list = await this.#fetch(node, document, null, LIST_BYTES_MAX);
    if (list === null) return;
    const theirs = decodeList(list);
    if (theirs === null) {
      this.refused += 1;
      return;
    }
    const ours = await replica.known(document);
    const live = new Set(ours.snapshots.map(({ id }) => id));
    const dead = new Set(ours.deleted);
    const gone = theirs.deleted.filter((id) => !dead.has(id));
    let hasChanged = false;
    if (gone.length > 0) {
      await replica.bury(document, gone);
      this.buried += gone.length;
      hasChanged = true;
    }
    for (const info of theirs.snapshots) {
      const key = `${info.id} ${document}`;
      if (live.has(info.id) || dead.has(info.id) || this.#refused.has(key)) continue;
      const bytesMax = replica.bytesMaxOf(info);
      const state = bytesMax === 0 ? null : await this.#fetch(node, document, info.id, bytesMax);
      if (state === null && bytesMax > 0) {
        if (this.#silent.has(node)) break;
        // Gone meanwhile, or larger than it can be: the next round tells.
        continue;
      }
      const adoption = state === null ? 'refused' : await replica.adopt(document, info, state);
      if (adoption === 'taken') {
        this.taken += 1;
        hasChanged = true;
      } else if (adoption === 'refused') {
        this.refused += 1;
        if (this.#refused.size < REFUSED_MAX) this.#refused.add(key);
      }
    }
    await this.#note(document);
    if (hasChanged) this.#changed(document);
    else if (hasMore(ours, theirs)) this.#tell([document]);
  }

  /** Null: it is not there, does not come, or is larger than that. */
  async #fetch(
    node: string,
    document: DocumentName,
    id: string | null,
    bytesMax: number,
  ): Promise<Uint8Array | null> {
    let whole: Uint8Array | null = null;
    for (let offset = 0; ;) {
      let reply: SnapshotReplyMessage | null = null;
      for (let attempt = 1; reply === null && attempt <= ATTEMPTS_MAX; attempt += 1) {
        reply = await this.#ask(node, document, id, offset);
      }
      if (reply === null) this.#hush(node);
      if (reply === null || reply.size === 0 || reply.size > bytesMax) return null;
      const { size, bytes } = reply;
      whole ??= new Uint8Array(size);
      const end = offset + bytes.length;
      if (whole.length !== size || bytes.length === 0 || end > size) return null;
      whole.set(bytes, offset);
      if (end === size) return whole;
      offset = end;
    }
  }

  /** Thousands of documents must not wait for a node that is gone, or that hears nothing. */
  #hush(node: string): void {
    if (this.#isClosed) return;
    this.#silent.set(node, this.#options.timers.now() + SILENT_MS);
    for (const [document, want] of this.#wants) {
      if (want.node === node) this.#wants.delete(document);
    }
  }

  #ask(
    to: string,
    document: DocumentName,
    id: string | null,
    offset: number,
  ): Promise<SnapshotReplyMessage | null> {
    if (this.#isClosed) return Promise.resolve(null);
    this.#nonce += 1;
    const nonce = this.#nonce;
    return new Promise((resolve) => {
      const atMs = this.#options.timers.now();
      this.#questions.set(nonce, { node: to, document, atMs, resolve });
      this.#options.send({ kind: 'snapshot-request', to, document, nonce, id, offset });
    });
  }

  #onReply(origin: string, reply: SnapshotReplyMessage): void {
    const question = this.#questions.get(reply.nonce);
    if (question?.node !== origin || question.document !== reply.document) return;
    this.#questions.delete(reply.nonce);
    question.resolve(reply);
  }

  /** A document that is deleted meanwhile, or a store that closes, is nothing to report. */
  #run(doing: string, work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      const isOver = error instanceof StoreError && OVER.has(error.code);
      if (!isOver) this.#options.onError(doing, error);
    });
  }
}

const OVER: ReadonlySet<string> = new Set(['document-deleted', 'closed']);
