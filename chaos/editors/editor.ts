/**
 * One editor: a copy of a document, a connection to one node at a time, edits that wait for their acks. It writes down
 * what it does and sees. What it has not got acked when it dies stays unknown for ever.
 */
import { createHash } from 'node:crypto';
import * as Y from 'yjs';
import type { ReadPhase } from '../history/events.ts';
import { canonicalState, versionOf } from '../history/canonical.ts';
import { mono } from '../engine/clock.ts';
import type { HistoryRecorder } from '../history/recorder.ts';
import type { Random } from '../random.ts';
import { AckedVersion } from './acked-version.ts';
import { elementsOf, watchArrivals } from './arrivals.ts';
import { openLine, type Line } from './line.ts';
import type { EditorPlan, Look, Place } from './orders.ts';
import { Presence } from './presence.ts';
import { ReadsElsewhere } from './reads-elsewhere.ts';
import type { Session } from './recordings.ts';
import { Workload, type Edit } from './workload.ts';

const TYPED_ROOT = 'typed';
const RECONNECT_MIN_MS = 100;
const RECONNECT_MAX_MS = 1_000;
/** So many failures in a row, and somebody who may move tries elsewhere, as behind a load balancer. */
const FAILURES_BEFORE_MOVE = 4;
/** A server says something every 10 s (KEEP_ALIVE_MS); an editor that waits for acks asks earlier. */
const SILENCE_ASK_MS = 2_000;
const SILENCE_CUT_MS = 6_000;
/** Deletions cost a walk over the document: in every tenth `deps` only. */
const DEPS_WITH_DELETES_EVERY = 10;

interface Pending {
  readonly op: string;
  readonly f: Edit['f'];
  readonly invokedMs: number;
  /** Of this connection; null: not sent on it. */
  seq: number | null;
}

export interface EditorContext {
  readonly proc: string;
  readonly places: readonly Place[];
  readonly recorder: HistoryRecorder;
  readonly random: Random;
  readonly recording: Session | null;
}

export class Editor {
  readonly plan: EditorPlan;
  readonly #context: EditorContext;
  readonly #doc = new Y.Doc();
  readonly #workload: Workload;
  readonly #presence: Presence;
  readonly #ackedVersion: AckedVersion;
  readonly #readsElsewhere: ReadsElsewhere;
  readonly #known = new Set<string>();
  #token: string | null;
  #place: Place;
  #line: Line | null = null;
  #pending: Pending[] = [];
  #connections = 0;
  #failures = 0;
  #ops = 0;
  #acked = 0;
  #ackMs: number[] = [];
  #typed = 0;
  #wantsLine = true;
  #isPinned = false;
  #retry: NodeJS.Timeout | null = null;

  constructor(plan: EditorPlan, context: EditorContext) {
    this.plan = plan;
    this.#context = context;
    this.#place = placeOf(context.places, plan.node);
    this.#token = plan.token ?? this.#place.token ?? null;
    this.#workload = new Workload(this.#doc, plan.session, context.random);
    this.#presence = new Presence(this.#doc, plan.session);
    this.#ackedVersion = new AckedVersion(this.#doc);
    this.#readsElsewhere = new ReadsElsewhere({
      plan,
      places: context.places,
      acked: this.#ackedVersion,
      random: context.random.fork(),
      onRead: (fact) => {
        context.recorder.record(context.proc, fact);
      },
    });
    watchArrivals(this.#doc, (ids) => {
      this.#seen(ids);
    });
    // A copy that is ever read must have its roots: their types come with the first one who asks.
    this.#doc.getText(TYPED_ROOT);
  }

  get node(): string {
    return this.#place.node;
  }

  get ops(): number {
    return this.#ops;
  }

  get acked(): number {
    return this.#acked;
  }

  get connections(): number {
    return this.#connections;
  }

  get isSynced(): boolean {
    return this.#line?.isSynced === true;
  }

  takeAckMs(): readonly number[] {
    const taken = this.#ackMs;
    this.#ackMs = [];
    return taken;
  }

  edit(): void {
    this.#did(() => {
      this.#workload.next(this.#announce);
    });
    const patches = this.#context.recording?.[this.#typed];
    if (this.plan.types && patches !== undefined) this.#type(patches);
  }

  /** For the last edit before silence: something that must arrive. */
  editOnce(dels: boolean): void {
    this.#did(() => {
      if (!dels || !this.#workload.delete(this.#announce)) this.#workload.add(this.#announce);
    });
  }

  connect(): void {
    this.#wantsLine = true;
    if (this.#line === null) this.#open();
  }

  disconnect(isRude: boolean): void {
    this.#wantsLine = false;
    if (isRude) this.#line?.cut();
    else {
      this.#presence.leave();
      this.#line?.close();
    }
  }

  /** As a network that breaks: it comes back by itself. */
  cut(): void {
    this.#line?.cut();
  }

  pin(): void {
    this.#isPinned = true;
  }

  /** From here on it asks nothing of other nodes. */
  rest(): void {
    this.#readsElsewhere.rest();
  }

  /** For its next connection. */
  takeToken(token: string): void {
    this.#token = token;
  }

  /** Writes down whom it sees. */
  lookAround(): void {
    if (!this.isSynced) return;
    const { session, doc } = this.plan;
    const { proc, recorder } = this.#context;
    const { users } = this.#presence;
    recorder.record(proc, { f: 'presence', session, node: this.#place.node, doc, users });
  }

  moveTo(node: string): void {
    this.#place = placeOf(this.#context.places, node);
    const wanted = this.#wantsLine;
    this.disconnect(false);
    if (wanted) this.connect();
  }

  /** Asks a quiet node, and gives up one that stays quiet. */
  tend(): void {
    const line = this.#line;
    if (line === null || this.#pending.length === 0) return;
    if (line.silentMs() > SILENCE_CUT_MS && !this.#isPinned) line.cut();
    else if (line.silentMs() > SILENCE_ASK_MS && line.isSynced) line.ask();
  }

  look(deeply: boolean): Look {
    const { session, doc, writes } = this.plan;
    const state = Y.encodeStateAsUpdate(this.#doc);
    const snapshot = Y.encodeSnapshot(Y.snapshot(this.#doc));
    return {
      session,
      doc,
      node: this.#place.node,
      isSynced: this.isSynced,
      isReader: !writes,
      isReading: this.#readsElsewhere.isUnderWay,
      users: this.#presence.users,
      ops: this.#ops,
      unacked: this.#pending.length,
      elements: elementsOf(this.#doc).size,
      digest: createHash('sha256').update(snapshot).digest('hex').slice(0, 16),
      layers: deeply ? canonicalState(state).layers : null,
    };
  }

  record(phase: ReadPhase): void {
    const { session, doc } = this.plan;
    // Who is away sees nothing of the node that it was on.
    if (!this.isSynced) return;
    const invokedMono = mono();
    const state = canonicalState(Y.encodeStateAsUpdate(this.#doc));
    this.#context.recorder.record(this.#context.proc, {
      f: 'read',
      type: 'ok',
      doc,
      node: this.#place.node,
      source: 'client',
      phase,
      invokedMono,
      session,
      ...state,
    });
  }

  /** For good: nothing of it is ever sent again. */
  destroy(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#wantsLine = false;
    this.#isPinned = true;
    this.#line?.cut();
    this.#readsElsewhere.end();
    const { session, doc } = this.plan;
    for (const { op, f } of this.#pending) {
      this.#context.recorder.record(this.#context.proc, { f, type: 'info', op, doc, session });
    }
    this.#doc.destroy();
  }

  readonly #announce = (edit: Edit): void => {
    const { session, doc } = this.plan;
    const op = `${session}#${this.#ops}`;
    this.#ops += 1;
    for (const id of edit.adds ?? []) this.#known.add(id);
    const hasDeletes = this.#ops % DEPS_WITH_DELETES_EVERY === 0;
    this.#context.recorder.record(this.#context.proc, {
      ...edit,
      type: 'invoke',
      op,
      doc,
      session,
      client: this.#doc.clientID,
      node: this.isSynced ? this.#place.node : null,
      // An undo is told when it is done: what it depends on cannot be told apart from itself.
      ...(edit.f === 'undo' ? {} : { deps: versionOf(this.#doc, hasDeletes) }),
    });
    this.#pending.push({ op, f: edit.f, invokedMs: performance.now(), seq: null });
  };

  #did(change: () => void): void {
    change();
    this.#requestAck();
  }

  #type(patches: Session[number]): void {
    this.#typed += 1;
    const text = this.#doc.getText(`${TYPED_ROOT}-${this.plan.session}`);
    this.#announce({ f: 'format' });
    this.#did(() => {
      this.#doc.transact(() => {
        for (const [position, deleted, inserted] of patches) {
          if (deleted > 0) text.delete(position, deleted);
          if (inserted !== '') text.insert(position, inserted);
        }
      });
    });
  }

  #requestAck(): void {
    if (this.#line?.isSynced !== true) return;
    const seq = this.#line.requestAck();
    this.#ackedVersion.requested(seq);
    for (const pending of this.#pending) pending.seq ??= seq;
  }

  #seen(ids: readonly string[]): void {
    const fresh = ids.filter((id) => !this.#known.has(id));
    if (fresh.length === 0) return;
    for (const id of fresh) this.#known.add(id);
    const { session, doc } = this.plan;
    const { proc, recorder } = this.#context;
    recorder.record(proc, { f: 'seen', session, node: this.#place.node, doc, ids: fresh });
  }

  #open(): void {
    this.#connections += 1;
    const { session, doc, line: kind, level } = this.plan;
    const { proc, recorder } = this.#context;
    const { node, url } = this.#place;
    const connection = `${session}/${this.#connections}`;
    const connect = { f: 'connect', session, connection, node, doc, user: session } as const;
    recorder.record(proc, { ...connect, type: 'invoke' });
    this.#presence.come();
    let wasSynced = false;
    const line = openLine({
      kind,
      url,
      document: doc,
      level,
      token: this.#token,
      doc: this.#doc,
      awareness: this.#presence.awareness,
      listener: {
        onSynced: () => {
          if (!wasSynced) recorder.record(proc, { ...connect, type: 'ok' });
          wasSynced = true;
          this.#failures = 0;
          this.#ackedVersion.disconnected();
          for (const pending of this.#pending) pending.seq = null;
          // A turn later: a line that is being opened is not yet ours.
          queueMicrotask(() => {
            this.#requestAck();
          });
        },
        onAck: (ackSeq, sentSeq) => {
          recorder.record(proc, { f: 'ack', session, connection, node, ackSeq, sentSeq });
          this.#onAck(ackSeq, node);
        },
        onClosed: (code, reason) => {
          recorder.record(proc, { f: 'close', session, connection, node, code, reason });
          if (!wasSynced) this.#failures += 1;
          if (this.#line === line) this.#onClosed();
        },
      },
    });
    this.#line = line;
  }

  #onAck(ackSeq: number, node: string): void {
    const nowMs = performance.now();
    const { session, doc, level } = this.plan;
    const { proc, recorder } = this.#context;
    const isAcked = ({ seq }: Pending): boolean => seq !== null && seq <= ackSeq;
    for (const { op, f, invokedMs } of this.#pending.filter(isAcked)) {
      this.#acked += 1;
      this.#ackMs.push(nowMs - invokedMs);
      recorder.record(proc, { f, type: 'ok', op, doc, session, node, level, ackSeq });
    }
    this.#pending = this.#pending.filter((pending) => !isAcked(pending));
    this.#ackedVersion.acked(ackSeq);
    this.#readsElsewhere.onAck(node, this.#token);
  }

  #onClosed(): void {
    this.#line = null;
    for (const pending of this.#pending) pending.seq = null;
    if (!this.#wantsLine || this.#isPinned) return;
    const { random, places } = this.#context;
    if (this.#failures >= FAILURES_BEFORE_MOVE && this.plan.roams) {
      this.#failures = 0;
      this.#place = random.pick(places);
    }
    const mostMs = Math.min(RECONNECT_MAX_MS, RECONNECT_MIN_MS * 2 ** this.#failures);
    this.#retry = setTimeout(
      () => {
        this.#retry = null;
        if (this.#wantsLine && this.#line === null) this.#open();
      },
      random.below(mostMs) + 1,
    );
  }
}

function placeOf(places: readonly Place[], node: string): Place {
  const place = places.find((candidate) => candidate.node === node);
  if (place === undefined) throw new RangeError(`no node ${node}`);
  return place;
}
