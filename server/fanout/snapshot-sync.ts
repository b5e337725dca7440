/**
 * Snapshots on all nodes: what is made or deleted on one is soon made or deleted on every other. They never change, so that
 * two sets of ids say what is missing where: those that there are and those that were deleted.
 *
 *   made or deleted here ──digest──▶ everybody ──differs──list?──▶ that node
 *                                      deleted there: deleted here too
 *                                      there, not here: ──state?──▶ that node, slice by slice; checked, then stored
 *                                      here, not there: told, so that it asks in its turn
 *
 * Messages get lost. What has changed just now is told again for some seconds, what has changed lately every ten, and whenever
 * a node may have missed anything; everything within a minute, and at once, at a bounded pace, when a node has come. [I2] Each
 * side only ever takes what it lacks, from one node at a time, and what fails is tried again. Bounded: documents waited for,
 * lists and states under way, answers at a time. [I6]
 */
import { StoreError } from '../../persistence/store.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import type { Slice } from '../rooms/snapshot-records.ts';
import type { SnapshotReplica } from '../rooms/snapshot-replica.ts';
import type { Timers } from '../rooms/timers.ts';
import { isSame } from './digest.ts';
import type { Received } from './exchange.ts';
import { inRuns, type Message, type SnapshotRequestMessage } from './messages.ts';
import { SnapshotQuestions } from './snapshot-questions.ts';
import { Wants, type Want } from './snapshot-wants.ts';
import { decodeList, encodeList, hasMore, listDigest } from './snapshot-list.ts';

const ROUND_MS = 60_000;
/** Of a round that has a minute; each entry is its name and some 20 bytes. */
const TOLD_PER_TICK_MIN = 20;
/** A newcomer is told faster. */
const TOLD_PER_TICK_MAX = 1_000;
/** What is told to a newcomer, or by one, may be lost: so many rounds are soon followed by the next. */
const QUICK_ROUNDS = 2;
const QUICK_ROUND_MS = 10_000;
/** One message that was lost is not missed for longer. */
const FRESH_MS = 4_000;
/** Nor several in a row, when nobody notices: as documents are told of by each tenth heartbeat. */
const RECENT_ROUND_MS = 10_000;
/** What is stored could not be read. */
const START_AGAIN_MS = 10_000;
/** Longer than any cut that the others do not notice. */
const RECENT_MS = 600_000;
const RECENT_MAX = 1_000;
/** Each may hold a whole state for a moment, packed and unpacked. */
const PULLS_MAX = 2;
const ANSWERS_MAX = 16;
/** Our own disk does not work: nobody is asked too much, and all is soon well when it does. */
const OWN_PAUSE_MS_MAX = 8_000;
/** Documents that are read again a second, of those that could not be read. */
const UNREAD_PER_TICK = 20;
/** Snapshots that were refused, and are not asked for again. */
const REFUSED_MAX = 10_000;
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

export class SnapshotSync {
  /** Since the start: snapshots taken, deletions learnt, what was not what it should have been. */
  taken = 0;
  buried = 0;
  refused = 0;
  readonly #options: SnapshotSyncOptions;
  readonly #own = new Map<DocumentName, Uint8Array>();
  /** When it changed here, oldest first. */
  readonly #recent = new Map<DocumentName, number>();
  readonly #wants = new Wants();
  readonly #pulling = new Set<DocumentName>();
  /** Changed here, and what is here could not be read yet. */
  readonly #unread = new Set<DocumentName>();
  readonly #refused = new Set<string>();
  readonly #questions: SnapshotQuestions;
  #answering = 0;
  #isReady = false;
  #startAgainMs = Infinity;
  #isClosed = false;
  /** What the round under way has not told yet. */
  #untold: DocumentName[] = [];
  #perTick = 0;
  #nextRoundMs = 0;
  #quickRounds = 0;
  #nextRecentMs: number;

  constructor(options: SnapshotSyncOptions) {
    this.#options = options;
    this.#questions = new SnapshotQuestions(options.timers, options.send);
    this.#nextRecentMs = options.timers.now() + RECENT_ROUND_MS;
  }

  /** Documents whose snapshots differ from those of another node, as far as is known. */
  get waiting(): number {
    return this.#wants.documents + this.#pulling.size;
  }

  /** Learns what is stored, then begins; later, if the disk can't be read. */
  async start(): Promise<void> {
    const { replica, timers } = this.#options;
    replica.onChanged = (document) => {
      this.#run('telling of a snapshot', () => this.#refresh(document));
    };
    this.#startAgainMs = Infinity;
    try {
      for await (const document of replica.documents()) {
        if (this.#isClosed) return;
        if (!this.#own.has(document)) await this.#note(document);
      }
    } catch (error) {
      this.#startAgainMs = timers.now() + START_AGAIN_MS;
      throw error;
    }
    this.#isReady = true;
    this.#tellAll();
    this.#next();
  }

  onMessage({ origin, message }: Received): void {
    if (message.kind === 'snapshots') {
      for (const { document, digest } of message.entries) this.#compare(origin, document, digest);
      this.#next();
    } else if (message.kind === 'snapshot-request') this.#onRequest(origin, message);
    else if (message.kind === 'snapshot-reply') this.#questions.onReply(origin, message);
    else if (message.kind === 'heartbeat' && message.isAsking) {
      // It has missed something, our questions perhaps, and hears again.
      this.#resume(origin);
      this.tellRecent();
    }
  }

  /** Somebody may have missed anything. */
  tellRecent(): void {
    this.#tell([...this.#recent.keys()]);
  }

  /** A link is up again: who seemed silent may only not have been heard. */
  linked(): void {
    this.#wants.resumeAll();
    this.#next();
    this.tellRecent();
  }

  /** A node has come that may have nothing. */
  greet(node: string): void {
    this.#resume(node);
    this.#tellAll();
  }

  /** A node has gone. */
  lose(node: string): void {
    this.#wants.drop(node);
  }

  /** The document is deleted, and its snapshots with it. */
  forget(document: DocumentName): void {
    this.#own.delete(document);
    this.#recent.delete(document);
    this.#unread.delete(document);
    this.#wants.forget(document);
  }

  /** About once a second. */
  tick(): void {
    const nowMs = this.#options.timers.now();
    this.#questions.tick();
    this.#next(); // pauses end
    if (nowMs >= this.#startAgainMs)
      this.#run('reading which snapshots are stored', () => this.start());
    for (const document of [...this.#unread].slice(0, UNREAD_PER_TICK)) {
      this.#run('reading which snapshots are stored', () => this.#refresh(document));
    }
    for (const [document, atMs] of this.#recent) {
      if (nowMs - atMs < RECENT_MS && this.#recent.size <= RECENT_MAX) break;
      this.#recent.delete(document);
    }
    if (nowMs >= this.#nextRecentMs) {
      this.#nextRecentMs = nowMs + RECENT_ROUND_MS;
      this.tellRecent();
    } else {
      const fresh = [...this.#recent].filter(([, atMs]) => nowMs - atMs < FRESH_MS);
      this.#tell(fresh.map(([document]) => document));
    }
    this.#tell(this.#untold.splice(0, this.#perTick));
    if (this.#untold.length === 0 && nowMs >= this.#nextRoundMs) this.#beginRound();
  }

  close(): void {
    this.#isClosed = true;
    this.#options.replica.onChanged = () => undefined;
    this.#wants.clear();
    this.#questions.close();
  }

  // ── telling ──────────────────────────────────────────────────────────────────────────────────────────

  async #note(document: DocumentName): Promise<void> {
    const list = await this.#options.replica.known(document);
    const isEmpty = list.snapshots.length === 0 && list.deleted.length === 0;
    if (isEmpty) this.#own.delete(document);
    else this.#own.set(document, listDigest(list));
  }

  /** After a change: reads what is here and tells it; with a later tick, if it can't be read. */
  async #refresh(document: DocumentName): Promise<void> {
    this.#unread.add(document);
    await this.#note(document);
    this.#unread.delete(document);
    this.#changed(document);
  }

  #changed(document: DocumentName): void {
    this.#recent.delete(document);
    this.#recent.set(document, this.#options.timers.now());
    this.#tell([document]);
  }

  /** Somebody may know nothing of what is here: the round under way goes on, faster, and another one follows. */
  #tellAll(): void {
    this.#nextRoundMs = -Infinity;
    this.#quickRounds = QUICK_ROUNDS;
    this.#perTick = TOLD_PER_TICK_MAX;
    if (this.#untold.length === 0) this.#beginRound();
  }

  #beginRound(): void {
    if (!this.#isReady) return;
    const isQuick = this.#quickRounds > 0;
    const calm = Math.max(TOLD_PER_TICK_MIN, Math.ceil((this.#own.size * 1_000) / ROUND_MS));
    this.#untold = [...this.#own.keys()];
    this.#perTick = isQuick ? TOLD_PER_TICK_MAX : Math.min(calm, TOLD_PER_TICK_MAX);
    this.#nextRoundMs = this.#options.timers.now() + (isQuick ? QUICK_ROUND_MS : ROUND_MS);
    if (isQuick) this.#quickRounds -= 1;
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
    if (own !== undefined && isSame(own, digest)) this.#wants.settle(node, document);
    else if (!this.#isClosed) this.#wants.add({ node, document, digest });
  }

  #resume(node: string): void {
    this.#wants.resume(node);
    this.#next();
  }

  #next(): void {
    const { timers } = this.#options;
    const isPulled = (document: DocumentName): boolean => this.#pulling.has(document);
    while (this.#isReady && !this.#isClosed && this.#pulling.size < PULLS_MAX) {
      const want = this.#wants.take(timers.now(), isPulled);
      if (want === null) return;
      const own = this.#own.get(want.document);
      if (own !== undefined && isSame(own, want.digest)) continue;
      this.#pulling.add(want.document);
      this.#run('taking snapshots of another node', () => this.#take(want));
    }
  }

  async #take(want: Want): Promise<void> {
    const { node, document } = want;
    let isOver = false;
    let isOurs = false;
    try {
      isOver = await this.#pull(node, document);
    } catch (error) {
      isOver = isOfDeleted(error);
      isOurs = true;
      throw error;
    } finally {
      this.#pulling.delete(document);
      if (isOver) this.#wants.resume(node);
      else if (!this.#isClosed) {
        this.#wants.putBack(want);
        this.#wants.pause(node, this.#options.timers.now(), isOurs ? OWN_PAUSE_MS_MAX : undefined);
      }
      this.#next();
    }
  }

  /** Takes what the node has of the document and this one lacks; tells it, if it lacks something. False: it is silent. */
  async #pull(node: string, document: DocumentName): Promise<boolean> {
    const { replica } = this.#options;
    const list = await this.#questions.ask({ node, document, id: null }, LIST_BYTES_MAX);
    if (typeof list === 'string') return list === 'none';
    const theirs = decodeList(list);
    if (theirs === null) {
      this.refused += 1;
      return true;
    }
    const ours = await replica.known(document);
    const live = new Set(ours.snapshots.map(({ id }) => id));
    const dead = new Set(ours.deleted);
    const gone = theirs.deleted.filter((id) => !dead.has(id));
    let isSilent = false;
    if (gone.length > 0) {
      await replica.bury(document, gone);
      this.buried += gone.length;
      this.#unread.add(document);
    }
    for (const info of theirs.snapshots) {
      const key = `${info.id} ${document}`;
      if (live.has(info.id) || dead.has(info.id) || this.#refused.has(key)) continue;
      const bytesMax = replica.bytesMaxOf(info);
      const subject = { node, document, id: info.id };
      const state = bytesMax === 0 ? null : await this.#questions.ask(subject, bytesMax);
      isSilent = state === 'silent';
      if (isSilent) break;
      // Gone meanwhile, or larger than it can be: the next round tells.
      if (typeof state === 'string') continue;
      const adoption = state === null ? 'refused' : await replica.adopt(document, info, state);
      if (adoption === 'taken') {
        this.taken += 1;
        this.#unread.add(document);
      } else if (adoption === 'refused') {
        this.refused += 1;
        if (this.#refused.size < REFUSED_MAX) this.#refused.add(key);
      }
    }
    if (this.#unread.has(document)) await this.#refresh(document);
    else {
      await this.#note(document);
      if (hasMore(ours, theirs)) this.#tell([document]);
    }
    return !isSilent;
  }

  /** A document that is deleted meanwhile, or a store that closes, is nothing to report. */
  #run(doing: string, work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      const isClosed = error instanceof StoreError && error.code === 'closed';
      if (!isClosed && !isOfDeleted(error)) this.#options.onError(doing, error);
    });
  }
}

function isOfDeleted(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'document-deleted';
}
