/**
 * Asks other nodes for what this one lacks: one document, one node, one question at a time. Many things lead here
 * (part.ts lists the triggers); each only says "there may be something at that node", and that is all it takes.
 *
 *   want ──(delay, pace)──▶ ready ──(slots)──▶ asked ──pieces──▶ answered   useful: soon again if need be
 *                             ▲                  └──silence──▶ late         otherwise: half as often
 *                             └── until a heartbeat says the same ──┘
 *
 * A question that nobody has answered for a while was lost, or its answer is slow: it may be put again, and what still
 * comes is taken. (Given up, slow answers were asked for again and again in vain; waited for longer, lost ones were
 * missed long after a cut too short to be noticed.)
 *
 * Nothing is repeated by itself: what still differs after an answer is found by the next heartbeat. What an answer
 * brings is taken update by update, so that what has come stays. Wants, questions and answers are bounded. [I6]
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { Room } from '../rooms/room.ts';
import { deletesDigest } from './digest.ts';
import type { Received } from './exchange.ts';
import type { Inbox, Outcome } from './inbox.ts';
import { STATE_VECTOR_BYTES_MAX, type ReplyMessage } from './messages.ts';
import { Pace } from './pace.ts';
import type { FanoutScene, Trigger } from './part.ts';
import type { Peers } from './peers.ts';
import { Assembly } from './pieces.ts';
import type { Covered, Question, Want } from './question.ts';
import type { FanoutStats } from './stats.ts';
import { isDeletion, visit } from './visit.ts';

const WANTS_MAX = 50_000;
const QUESTIONS_MAX = 32;
/** Rooms that open do not queue behind the rest; more than this many at a time are served what is there. */
const OPENING_QUESTIONS_MAX = 256;
/** Without another piece; a round trip around the earth, and a busy node. */
const SILENCE_MS = 1_500;
/** How much longer an answer that is late is taken as one. */
const LATE_MS = 6_000;
/** What comes late or in another order is waited for before a gap leads to a question. */
const DELAY_MS: Readonly<Record<Trigger, number>> = {
  gap: 60,
  verdict: 60,
  heartbeat: 0,
  open: 0,
  sweep: 0,
  dropped: 500,
  awaited: 0,
};
const NOTHING: Uint8Array = Uint8Array.of(0);

export interface AntiEntropyOptions {
  readonly scene: FanoutScene;
  readonly stats: FanoutStats;
  readonly peers: Peers;
  readonly inbox: Inbox;
  readonly updateBytesMax: number;
  readonly onCovered: (covered: Covered, room: Room, storeSeq: number) => void;
  /** An answer has been taken, useful or not. */
  readonly onAnswered: (document: DocumentName) => void;
  readonly onDeleted: (document: DocumentName) => void;
}

export class AntiEntropy {
  readonly pace: Pace;
  readonly #options: AntiEntropyOptions;
  readonly #wants = new Map<DocumentName, Want>();
  readonly #ready: DocumentName[] = [];
  readonly #questions = new Map<number, Question>();
  /** Documents that a question is under way about. */
  readonly #asking = new Set<DocumentName>();
  #nonce: number;
  #isClosed = false;

  constructor(options: AntiEntropyOptions) {
    this.#options = options;
    this.pace = new Pace(options.scene.timers);
    this.#nonce = Math.floor(options.scene.random() * 2 ** 40);
  }

  get wantCount(): number {
    return this.#wants.size;
  }

  get questionCount(): number {
    return this.#questions.size;
  }

  want(document: DocumentName, from: string | null, trigger: Trigger): void {
    if (this.#isClosed) return;
    const known = this.#wants.get(document);
    if (known !== undefined) {
      // Since it began to wait a link may have come up, and who speaks now may be asked sooner than the one before: it does
      // not wait longer than one that comes now.
      if (
        from !== null &&
        this.pace.waitMs(document, from) < this.pace.waitMs(document, known.from)
      ) {
        known.from = from;
      }
      this.#schedule(document, known, trigger);
      return;
    }
    // Most of what is under way now may be what is wanted; heartbeats tell if not.
    if (this.#asking.has(document) || this.#wants.size >= WANTS_MAX) return;
    const node = from ?? this.#anybody();
    if (node === null) return;
    const want: Want = { from: node, trigger, dueMs: Infinity, timer: null };
    this.#wants.set(document, want);
    this.#schedule(document, want, trigger);
  }

  #schedule(document: DocumentName, want: Want, trigger: Trigger): void {
    const { timers } = this.#options.scene;
    const delayMs = Math.max(DELAY_MS[trigger], this.pace.waitMs(document, want.from));
    const dueMs = timers.now() + delayMs;
    if (dueMs >= want.dueMs) return;
    want.dueMs = dueMs;
    if (want.timer !== null) timers.clearTimeout(want.timer);
    want.timer = null;
    const begin = (): void => {
      if (this.#wants.get(document) !== want) return;
      this.#ready.push(document);
      this.#next();
    };
    if (delayMs === 0) begin();
    else want.timer = timers.setTimeout(begin, delayMs);
  }

  /** The node is gone, or another one by now: what it was asked it will not answer, and somebody else may be. */
  forget(node: string): void {
    for (const question of this.#questions.values()) {
      if (question.to !== node) continue;
      this.#end(question, 'failed');
      this.pace.agreed(question.document, node);
    }
  }

  /** A link came up, here or there: what was asked before may be lost, and everybody may be asked again. */
  reset(): void {
    const unanswered = Array.from(this.#questions.values()).filter(
      ({ underway, isLate }) => underway === 0 && !isLate,
    );
    for (const question of unanswered) this.#givePlace(question);
    this.pace.reset();
  }

  /** A room is about to be entered: asks at once, waits `waitMs` at most. Null: there is nobody to ask. */
  opening(room: Room, waitMs: number): Promise<void> | null {
    const { timers } = this.#options.scene;
    const node = this.#anybody();
    const isBusy = this.#questions.size >= OPENING_QUESTIONS_MAX || this.#asking.has(room.name);
    if (this.#isClosed || node === null || isBusy) return null;
    if (this.pace.waitMs(room.name, node) > 0) return null;
    return new Promise((resolve) => {
      const timer = timers.setTimeout(resolve, waitMs);
      const onEnd = (): void => {
        timers.clearTimeout(timer);
        resolve();
      };
      this.#wants.delete(room.name);
      this.#ask(room, room.hold(), node, 'open', onEnd);
    });
  }

  onReply(received: Received & { readonly message: ReplyMessage }): void {
    const { message, origin } = received;
    const question = this.#questions.get(message.nonce);
    if (question?.document !== message.document || question.to !== origin) {
      this.#takeUnasked(received);
      return;
    }
    this.#listen(question);
    const assembled = question.assembly.add(message);
    switch (assembled.kind) {
      case 'waiting':
        break;
      case 'nothing':
        question.isWhole = true;
        this.#endIfDone(question, {
          origin,
          epoch: received.epoch,
          upToSeq: message.upToSeq,
        });
        break;
      case 'too-large':
        this.#end(question, 'failed');
        break;
      case 'update': {
        const covered = { origin, epoch: received.epoch, upToSeq: message.upToSeq };
        if (assembled.isLast) question.isWhole = true;
        if (assembled.isLast && !assembled.isComplete) question.hasFailed = true;
        // Deletions of structs that were lost on the way: half of what somebody did, should the other node vanish now.
        if (question.hasFailed && isDeletesOnly(assembled.update))
          this.#endIfDone(question, covered);
        else this.#take(question, assembled.update, covered);
        break;
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#wants.clear();
    for (const question of this.#questions.values()) this.#end(question, 'failed');
  }

  #anybody(): string | null {
    const { peers, scene } = this.#options;
    return peers.choose(scene.exchange.self.region, scene.random)?.node ?? null;
  }

  #next(): void {
    while (!this.#isClosed && this.#asking.size < QUESTIONS_MAX) {
      const document = this.#ready.shift();
      if (document === undefined) return;
      const want = this.#wants.get(document);
      this.#wants.delete(document);
      if (want !== undefined && !this.#asking.has(document)) this.#start(document, want);
    }
  }

  #start(document: DocumentName, want: Want): void {
    const { scene, peers, stats } = this.#options;
    const node = peers.isAlive(want.from) ? want.from : this.#anybody();
    if (node === null) return;
    const open = scene.registry.find(document);
    if (open !== null) return this.#ask(open, open.hold(), node, want.trigger);
    // What is not open here is not replicated here.
    if (!scene.isFull) return;
    this.#asking.add(document);
    visit(scene, document)
      .then(
        ({ room, release }) => {
          if (this.#isClosed) release();
          else this.#ask(room, release, node, want.trigger);
        },
        (error: unknown) => {
          this.#asking.delete(document);
          this.pace.asked(document, node);
          this.pace.answered(document, node, false);
          if (isDeletion(error)) this.#options.onDeleted(document);
          else stats.dropped['not-taken'] += 1;
        },
      )
      .finally(() => {
        this.#next();
      });
  }

  #ask(
    room: Room,
    release: () => void,
    to: string,
    trigger: Trigger,
    onEnd: () => void = () => undefined,
  ): void {
    const { scene, stats, updateBytesMax } = this.#options;
    this.#nonce += 1;
    const question: Question = {
      document: room.name,
      to,
      nonce: this.#nonce,
      room,
      release,
      assembly: new Assembly(updateBytesMax),
      onEnd,
      timer: null,
      underway: 0,
      isLate: false,
      isWhole: false,
      hasFailed: false,
      isUseful: false,
      storeSeq: room.appliedSeq,
    };
    this.#questions.set(question.nonce, question);
    this.#asking.add(room.name);
    this.pace.asked(room.name, to);
    stats.rounds[trigger] += 1;
    const vector = room.version.encodeStateVector();
    const stateVector = vector.length <= STATE_VECTOR_BYTES_MAX ? vector : NOTHING;
    const deleteDigest = deletesDigest(room.version);
    const { document, nonce } = question;
    const { outcome } = scene.exchange.send({
      kind: 'request',
      to,
      document,
      nonce,
      stateVector,
      deleteDigest,
    });
    if (outcome === 'accepted') this.#listen(question);
    else this.#end(question, 'failed');
  }

  /** Waits (again) for the next piece. */
  #listen(question: Question): void {
    const { timers } = this.#options.scene;
    if (question.timer !== null) timers.clearTimeout(question.timer);
    question.timer = timers.setTimeout(
      () => {
        question.timer = null;
        // What has come and is being looked at may take longer than what is still to come.
        if (question.underway > 0) this.#listen(question);
        else if (question.isLate) this.#end(question, 'failed');
        else this.#givePlace(question);
      },
      question.isLate ? LATE_MS : SILENCE_MS,
    );
  }

  /** It may be put again; what comes of its answer is still taken. */
  #givePlace(question: Question): void {
    const { document, to } = question;
    question.isLate = true;
    this.#asking.delete(document);
    this.pace.silent(document, to);
    this.#listen(question);
    this.#options.onAnswered(document);
    this.#next();
  }

  /** What is kept while an update waits does not hold the message that brought it. [I6] */
  #take(question: Question, update: Uint8Array, covered: Covered): void {
    const { document, to: origin } = question;
    question.underway += 1;
    let isFirst = true;
    const onSettled = (outcome: Outcome, _room: Room | null, storeSeq: number): void => {
      if (!isFirst) return;
      isFirst = false;
      question.underway -= 1;
      question.storeSeq = Math.max(question.storeSeq, storeSeq);
      if (outcome === 'accepted') question.isUseful = true;
      else if (outcome !== 'redundant') question.hasFailed = true;
      this.#endIfDone(question, covered);
    };
    this.#options.inbox.put({ document, update, origin, onSettled });
  }

  #endIfDone(question: Question, covered: Covered): void {
    if (!question.isWhole || question.underway > 0 || !this.#questions.has(question.nonce)) return;
    const { room, storeSeq, hasFailed } = question;
    if (!hasFailed && !room.isDisposed) {
      this.#options.onCovered(covered, room, storeSeq);
    }
    this.#end(question, hasFailed ? 'failed' : 'answered');
  }

  #end(question: Question, outcome: 'answered' | 'failed'): void {
    const { scene, stats, onAnswered } = this.#options;
    const { document, to, isUseful, timer } = question;
    if (!this.#questions.delete(question.nonce)) return;
    if (timer !== null) scene.timers.clearTimeout(timer);
    if (!question.isLate) this.#asking.delete(document);
    if (outcome === 'failed') stats.roundsFailed += 1;
    else if (isUseful) stats.roundsUseful += 1;
    else stats.roundsIdle += 1;
    if (isUseful || !question.isLate) this.pace.answered(document, to, isUseful);
    onAnswered(document);
    question.release();
    question.onEnd();
    this.#next();
  }

  /** Validated and taken like any update, if it is one by itself. */
  #takeUnasked({ origin, message }: Received & { readonly message: ReplyMessage }): void {
    const { inbox, stats } = this.#options;
    const { document, bytes, size, offset, count } = message;
    if (size === 0) return;
    if (offset > 0 || bytes.length < size || (count > 1 && isDeletesOnly(bytes))) {
      stats.dropped.unasked += 1;
      return;
    }
    inbox.put({ document, update: bytes, origin, onSettled: () => undefined });
  }
}

/** An answer ends with everything that is deleted: an update of no clients' structs. */
function isDeletesOnly(update: Uint8Array): boolean {
  return update[0] === 0;
}
