/**
 * Questions to one node about a document's snapshots (their list, or the state of one) until the answer has come, slice by
 * slice. A slice that does not come is asked for again, a few times.
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { Timers } from '../rooms/timers.ts';
import type { Message, SnapshotReplyMessage } from './messages.ts';

const ANSWER_TIMEOUT_MS = 2_000;
const ATTEMPTS_MAX = 3;

export interface Subject {
  readonly node: string;
  readonly document: DocumentName;
  /** Of a snapshot, whose state is asked for; null: which ones there are. */
  readonly id: string | null;
}

/** `none`: there is no such thing there, or more of it than was asked for. `silent`: no answer. */
export type Answer = Uint8Array | 'none' | 'silent';

interface Open {
  readonly subject: Subject;
  readonly atMs: number;
  readonly resolve: (reply: SnapshotReplyMessage | null) => void;
}

export class SnapshotQuestions {
  readonly #timers: Timers;
  readonly #send: (message: Message) => void;
  /** By nonce, in the order in which they were asked. */
  readonly #open = new Map<number, Open>();
  #nonce = 0;
  #isClosed = false;

  constructor(timers: Timers, send: (message: Message) => void) {
    this.#timers = timers;
    this.#send = send;
  }

  async ask(subject: Subject, bytesMax: number): Promise<Answer> {
    let whole: Uint8Array | null = null;
    for (let offset = 0; ;) {
      let reply: SnapshotReplyMessage | null = null;
      for (let attempt = 1; reply === null && attempt <= ATTEMPTS_MAX; attempt += 1) {
        reply = await this.#askOnce(subject, offset);
      }
      if (reply === null) return 'silent';
      if (reply.size === 0 || reply.size > bytesMax) return 'none';
      const { size, bytes } = reply;
      whole ??= new Uint8Array(size);
      const end = offset + bytes.length;
      if (whole.length !== size || bytes.length === 0 || end > size) return 'none';
      whole.set(bytes, offset);
      if (end === size) return whole;
      offset = end;
    }
  }

  onReply(origin: string, reply: SnapshotReplyMessage): void {
    const open = this.#open.get(reply.nonce);
    if (open?.subject.node !== origin || open.subject.document !== reply.document) return;
    this.#open.delete(reply.nonce);
    open.resolve(reply);
  }

  /** About once a second. */
  tick(): void {
    const nowMs = this.#timers.now();
    for (const [nonce, { atMs, resolve }] of this.#open) {
      if (nowMs - atMs < ANSWER_TIMEOUT_MS) break;
      this.#open.delete(nonce);
      resolve(null);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const { resolve } of this.#open.values()) resolve(null);
    this.#open.clear();
  }

  #askOnce(subject: Subject, offset: number): Promise<SnapshotReplyMessage | null> {
    if (this.#isClosed) return Promise.resolve(null);
    this.#nonce += 1;
    const nonce = this.#nonce;
    const { node: to, document, id } = subject;
    return new Promise((resolve) => {
      this.#open.set(nonce, { subject, atMs: this.#timers.now(), resolve });
      this.#send({ kind: 'snapshot-request', to, document, nonce, id, offset });
    });
  }
}
