/**
 * A virtual client: a Y.Doc with a seeded client id, and the y-protocols dialect with Y-Sweet's acks over a virtual
 * socket. It edits (pen.ts), goes offline and comes back somewhere else, and writes down what it did and what it was
 * told; nothing else in the history is believed.
 */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import * as Y from 'yjs';
import { versionOf } from '../../chaos/history/canonical.ts';
import type { AckLevel, OpInvoke } from '../../chaos/history/events.ts';
import type { HistoryRecorder } from '../../chaos/history/recorder.ts';
import { MESSAGE, SYNC } from '../../server/protocol/messages.ts';
import type { DocumentName } from '../../server/protocol/document-name.ts';
import type { Random } from '../support/random.ts';
import { Pen, type Changes } from './pen.ts';
import type { Scheduler, Scope } from './scheduler.ts';
import type { SimNode } from './sim-node.ts';
import { VirtualSocket } from './virtual-socket.ts';

export interface EditorOptions {
  readonly name: string;
  readonly clientId: number;
  readonly document: DocumentName;
  readonly durability: AckLevel;
  readonly canUndo: boolean;
  readonly latencyMsMax: number;
  readonly scheduler: Scheduler;
  readonly recorder: HistoryRecorder;
  readonly random: Random;
}

interface PendingOp {
  readonly op: string;
  readonly f: OpInvoke['f'];
  readonly version: number;
}

/** Where an edit comes from, for Yjs. */
const LOCAL = 'local';
const REMOTE = 'remote';
const RETRY_MS_MAX = 400;

export class Editor {
  readonly options: EditorOptions;
  readonly doc: Y.Doc;
  readonly #scope: Scope;
  readonly #pen: Pen;
  #target: SimNode | null = null;
  #socket: VirtualSocket | null = null;
  #connection = '';
  #connections = 0;
  #isSynced = false;
  #isDead = false;
  /** Of its copy, whoever made them. */
  changes = 0;
  #ops = 0;
  /** Counts changes, as Y-Sweet's client does; acks name it. */
  #version = 0;
  #ackedVersion = 0;
  /** Said on this connection. */
  #sentSeq = 0;
  #pending: PendingOp[] = [];

  constructor(options: EditorOptions) {
    this.options = options;
    this.#scope = options.scheduler.scope();
    this.doc = new Y.Doc({ guid: options.document, gc: true });
    this.doc.clientID = options.clientId;
    this.doc.on('update', (update: Uint8Array, origin: unknown) => {
      this.changes += 1;
      // Also what Yjs itself does with formatting that has become superfluous: providers send that.
      if (origin !== REMOTE) this.#onEdit(update);
    });
    const { name, canUndo, random } = options;
    this.#pen = new Pen({
      name,
      doc: this.doc,
      undoOrigin: canUndo ? LOCAL : null,
      random,
      invoke: (f, what, change) => {
        this.#invoke(f, what, change);
      },
    });
  }

  get name(): string {
    return this.options.name;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  get isConnected(): boolean {
    return this.#target !== null;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get node(): SimNode | null {
    return this.#target;
  }

  /** Everything it did is acked. */
  get isSaved(): boolean {
    return this.#pending.length === 0;
  }

  /** Connects, and connects again whenever the connection ends, until it is told otherwise. */
  goOnline(node: SimNode): void {
    if (this.#isDead) return;
    if (this.#target === node && this.#socket?.isClosed === false) return;
    this.#leave();
    this.#target = node;
    this.#connect();
  }

  goOffline(): void {
    this.#target = null;
    this.#leave();
  }

  /** The line is cut: each side notices in its own time. */
  cut(editorMs: number, nodeMs: number): void {
    this.#socket?.cut(editorMs, nodeMs);
  }

  /** Never comes back, and what it alone had is gone. */
  die(): void {
    if (this.#isDead) return;
    this.goOffline();
    this.#isDead = true;
    this.#scope.end();
  }

  // ── edits ────────────────────────────────────────────────────────────────────────────────────────────

  /** One edit, chosen by the dice. `onlyDeletes`: if there is anything of its own to delete. */
  edit(onlyDeletes: boolean): void {
    if (!this.#isDead) this.#pen.edit(onlyDeletes);
  }

  #invoke(f: OpInvoke['f'], what: Changes, change: () => void): void {
    const { recorder, name, clientId, document } = this.options;
    const op = `${name}-${(this.#ops += 1)}`;
    const node = this.#isSynced ? (this.#target?.name ?? null) : null;
    recorder.record(name, {
      f,
      type: 'invoke',
      op,
      doc: document,
      session: name,
      client: clientId,
      node,
      ...what,
      deps: versionOf(this.doc, false),
    });
    if (f === 'undo') change();
    else this.doc.transact(change, LOCAL);
    // Formatting what is formatted already changes nothing, and nobody acks it.
    const version = this.#version;
    if (version > this.#ackedVersion) this.#pending.push({ op, f, version });
  }

  // ── the connection ───────────────────────────────────────────────────────────────────────────────────

  #connect(): void {
    const node = this.#target;
    if (node === null || this.#isDead) return;
    const { recorder, name, document, durability, random, latencyMsMax } = this.options;
    this.#connections += 1;
    const connection = `${name}#${this.#connections}`;
    this.#connection = connection;
    this.#isSynced = false;
    this.#sentSeq = 0;
    recorder.record(name, {
      f: 'connect',
      type: 'invoke',
      session: name,
      connection,
      node: node.name,
      doc: document,
    });
    const isCurrent = (): boolean => this.#connection === connection;
    const socket = new VirtualSocket({
      client: this.#scope,
      node,
      document,
      durability,
      random,
      latencyMsMax,
      events: {
        onOpen: () => {
          if (isCurrent()) this.#greet();
        },
        onFrame: (message) => {
          if (isCurrent()) this.#onFrame(message, node.name);
        },
        onClose: (reason) => {
          if (!isCurrent()) return;
          this.#closed(reason);
          this.#scope.setTimeout(
            () => {
              if (this.#target === node && isCurrent()) this.#connect();
            },
            RETRY_MS_MAX * (0.1 + random.float()),
          );
        },
      },
    });
    this.#socket = socket;
  }

  #leave(): void {
    const socket = this.#socket;
    if (socket === null) return;
    socket.close();
    this.#closed('left');
  }

  #closed(reason: string): void {
    const { recorder, name } = this.options;
    const node = this.#socket?.node.name ?? '';
    this.#socket = null;
    this.#isSynced = false;
    recorder.record(name, {
      f: 'close',
      session: name,
      connection: this.#connection,
      node,
      reason,
    });
  }

  #greet(): void {
    this.#sync(SYNC.step1, Y.encodeStateVector(this.doc));
    this.#askForAck();
  }

  #onEdit(update: Uint8Array): void {
    this.#version += 1;
    if (this.#socket === null) return;
    this.#sync(SYNC.update, update);
    this.#askForAck();
  }

  #sync(kind: number, bytes: Uint8Array): void {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, MESSAGE.sync);
    encoding.writeVarUint(encoder, kind);
    encoding.writeVarUint8Array(encoder, bytes);
    this.#socket?.send(encoding.toUint8Array(encoder));
  }

  #askForAck(): void {
    const payload = encoding.encode((encoder) => {
      encoding.writeVarUint(encoder, this.#version);
    });
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, MESSAGE.syncStatus);
    encoding.writeVarUint8Array(encoder, payload);
    this.#socket?.send(encoding.toUint8Array(encoder));
    this.#sentSeq = this.#version;
  }

  #onFrame(message: Uint8Array, node: string): void {
    const decoder = decoding.createDecoder(message);
    const type = decoding.readVarUint(decoder);
    if (type === MESSAGE.syncStatus) {
      const payload = decoding.readVarUint8Array(decoder);
      this.#onAck(decoding.readVarUint(decoding.createDecoder(payload)), node);
      return;
    }
    if (type !== MESSAGE.sync) return;
    const kind = decoding.readVarUint(decoder);
    const bytes = decoding.readVarUint8Array(decoder);
    if (kind === SYNC.step1) {
      this.#sync(SYNC.step2, Y.encodeStateAsUpdate(this.doc, bytes));
      return;
    }
    Y.applyUpdate(this.doc, bytes, REMOTE);
    if (kind === SYNC.step2 && !this.#isSynced) {
      this.#isSynced = true;
      const { recorder, name, document } = this.options;
      recorder.record(name, {
        f: 'connect',
        type: 'ok',
        session: name,
        connection: this.#connection,
        node,
        doc: document,
      });
    }
  }

  #onAck(ackSeq: number, node: string): void {
    const { recorder, name, document, durability } = this.options;
    recorder.record(name, {
      f: 'ack',
      session: name,
      connection: this.#connection,
      node,
      ackSeq,
      sentSeq: this.#sentSeq,
    });
    this.#ackedVersion = Math.max(this.#ackedVersion, ackSeq);
    const covered = this.#pending.filter(({ version }) => version <= ackSeq);
    if (covered.length === 0) return;
    this.#pending = this.#pending.filter(({ version }) => version > ackSeq);
    for (const { op, f } of covered) {
      recorder.record(name, {
        f,
        type: 'ok',
        op,
        doc: document,
        session: name,
        node,
        level: durability,
        ackSeq,
      });
    }
  }
}
