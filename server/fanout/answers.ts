/**
 * Answers nodes that ask what they lack of a document, from memory or disk, in pieces, at a pace that neither this
 * node's Redis connection nor the output buffer that Redis keeps for its subscribers has to fear. Each node gets at
 * most one answer a second for each document, whatever it asks. [I6]
 */
import type { DocumentName } from '../protocol/document-name.ts';
import { difference } from '../rooms/difference.ts';
import { pause } from '../rooms/timers.ts';
import { readStateVector } from '../rooms/updates/version.ts';
import { Lane } from '../rooms/workers/lane.ts';
import { deletesDigest, isSame } from './digest.ts';
import type { Received } from './exchange.ts';
import { STATE_VECTOR_BYTES_MAX, type RequestMessage } from './messages.ts';
import type { News } from './news.ts';
import type { FanoutScene } from './part.ts';
import { cutAnswer } from './pieces.ts';
import type { FanoutStats } from './stats.ts';
import { isDeletion, visit } from './visit.ts';

const INTERVAL_MS = 1_000;
const ANSWERS_MAX = 8;
const ANSWERS_WAITING_MAX = 2_000;
/** State vectors of questions that wait: a document with many authors has one of up to 192 KB. */
const WAITING_BYTES_MAX: number = 16 * 1024 * 1024;
const ASKED_MAX = 50_000;
/** Of answers under way to Redis; updates of people come first. */
const QUEUE_BYTES_MAX: number = 1024 * 1024;
const BUSY_PAUSE_MS = 5;
/** After so many bytes of one answer its receiver gets a moment: 8 answers make 40 MB/s at most. */
const BURST_BYTES: number = 1024 * 1024;
const BURST_PAUSE_MS = 200;

export interface AnswersOptions {
  readonly scene: FanoutScene;
  readonly stats: FanoutStats;
  readonly news: News;
  /** Bytes that wait for the transport. */
  readonly queuedBytes: () => number;
  readonly onDeleted: (document: DocumentName) => void;
}

/** What of a request is needed until it is answered. */
type Asked = Pick<Received, 'origin'> &
  Pick<RequestMessage, 'document' | 'nonce' | 'stateVector' | 'deleteDigest'>;

export class Answers {
  readonly #options: AnswersOptions;
  readonly #lane = new Lane(ANSWERS_MAX, ANSWERS_WAITING_MAX);
  /** When a node was answered about a document last. */
  readonly #answeredMs = new Map<string, number>();
  #waitingBytes = 0;
  #isClosed = false;

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  onRequest({ origin, message }: Received & { readonly message: RequestMessage }): void {
    const { scene, stats } = this.#options;
    if (this.#isClosed) return;
    const { document, nonce, stateVector, deleteDigest } = message;
    const isOver = this.#waitingBytes + stateVector.length > WAITING_BYTES_MAX;
    if (isOver || !this.#mayAnswer(origin, document)) {
      stats.dropped.flood += 1;
      return;
    }
    // Copies: what they came in may be a whole read from a socket, and would wait with them.
    const asked: Asked = {
      origin,
      document,
      nonce,
      stateVector: new Uint8Array(stateVector),
      deleteDigest: new Uint8Array(deleteDigest),
    };
    this.#answer(asked).catch((error: unknown) => {
      if (isDeletion(error)) this.#options.onDeleted(document);
      else if (isOverload(error)) stats.dropped.flood += 1;
      else scene.report({ type: 'failed', doing: 'answer', error });
    });
  }

  close(): void {
    this.#isClosed = true;
  }

  #mayAnswer(origin: string, document: DocumentName): boolean {
    const nowMs = this.#options.scene.timers.now();
    const key = `${origin} ${document}`;
    if (nowMs - (this.#answeredMs.get(key) ?? -Infinity) < INTERVAL_MS) return false;
    this.#answeredMs.delete(key);
    this.#answeredMs.set(key, nowMs);
    for (const [oldest, atMs] of this.#answeredMs) {
      if (this.#answeredMs.size <= ASKED_MAX && nowMs - atMs < INTERVAL_MS) break;
      this.#answeredMs.delete(oldest);
    }
    return true;
  }

  async #answer(asked: Asked): Promise<void> {
    const { scene, stats } = this.#options;
    const { document, stateVector, deleteDigest } = asked;
    this.#waitingBytes += stateVector.length;
    try {
      await this.#lane.enter();
    } finally {
      this.#waitingBytes -= stateVector.length;
    }
    try {
      const clocks = readStateVector(stateVector, STATE_VECTOR_BYTES_MAX);
      if (clocks === null) return;
      const { room, release } = await visit(scene, document);
      try {
        const hasDeletes = isSame(deleteDigest, deletesDigest(room.version));
        // Before it is read: what is published meanwhile may or may not be in it.
        room.flush();
        const upToSeq = this.#options.news.lastSeqOf(document);
        const updates = await difference(room, { stateVector, clocks, hasDeletes });
        if (updates === null) return;
        stats.answers += 1;
        await this.#send(asked, upToSeq, updates);
      } finally {
        release();
      }
    } finally {
      this.#lane.leave();
    }
  }

  async #send(
    { origin: to, document, nonce }: Asked,
    upToSeq: number,
    updates: readonly Uint8Array[],
  ): Promise<void> {
    const { scene, stats, queuedBytes } = this.#options;
    let burst = 0;
    for (const piece of cutAnswer(updates)) {
      while (!this.#isClosed && queuedBytes() > QUEUE_BYTES_MAX) {
        await pause(scene.timers, BUSY_PAUSE_MS);
      }
      if (burst > BURST_BYTES) {
        burst = 0;
        await pause(scene.timers, BURST_PAUSE_MS);
      }
      if (this.#isClosed) return;
      const { outcome } = scene.exchange.send({
        kind: 'reply',
        to,
        document,
        nonce,
        upToSeq,
        ...piece,
      });
      // The asker notices, and asks for the rest.
      if (outcome !== 'accepted') return;
      burst += piece.bytes.length;
      stats.answeredBytes += piece.bytes.length;
    }
  }
}

function isOverload(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code !== 'internal';
}
