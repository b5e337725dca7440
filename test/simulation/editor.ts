/**
 * A virtual client: a Y.Doc with a seeded client id, and the y-protocols dialect with Y-Sweet's acks over a virtual
 * socket. It types, deletes, formats, undoes, goes offline and comes back somewhere else, and writes down what it did
 * and what it was told; nothing else in the history is believed.
 */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import * as Y from 'yjs';
import { versionOf } from '../../chaos/history/canonical.ts';
import type { AckLevel, OpInvoke } from '../../chaos/history/events.ts';
import type { HistoryRecorder } from '../../chaos/history/recorder.ts';
import { REG_ROOT, SET_ROOT, TEXT_ROOT, elementsIn, tokenOf } from '../../chaos/history/shapes.ts';
import { MESSAGE, SYNC } from '../../server/protocol/messages.ts';
import type { DocumentName } from '../../server/protocol/document-name.ts';
import type { Random } from '../support/random.ts';
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
  readonly #undo: Y.UndoManager | null;
  #target: SimNode | null = null;
  #socket: VirtualSocket | null = null;
  #connection = '';
  #connections = 0;
  #isSynced = false;
  #isDead = false;
  /** Of its copy, whoever made them. */
  changes = 0;
  #ops = 0;
  #ids = 0;
  /** Counts changes, as Y-Sweet's client does; acks name it. */
  #version = 0;
  #ackedVersion = 0;
  /** Said on this connection. */
  #sentSeq = 0;
  #pending: PendingOp[] = [];
  readonly #own = new Set<string>();
  /** The last thing it did was to add this: what undo takes back. */
  #lastAdded: string | null = null;

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
    this.#undo = options.canUndo
      ? new Y.UndoManager([this.doc.getArray(SET_ROOT), this.doc.getText(TEXT_ROOT)], {
          trackedOrigins: new Set([LOCAL]),
          captureTimeout: 0,
        })
      : null;
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
    if (this.#isDead) return;
    const dice = this.options.random.below(100);
    if (onlyDeletes || dice < 20) {
      if (this.#delete() || onlyDeletes) return;
    }
    if (dice >= 95 && this.#takeBack()) return;
    if (dice >= 90 && this.#format()) return;
    if (dice >= 80) this.#set();
    else this.#add();
  }

  #add(): void {
    const { random, name } = this.options;
    const id = `${name}:${(this.#ids += 1)}`;
    const isInText = random.oneIn(2);
    this.#invoke('add', { adds: [id] }, () => {
      if (!isInText) {
        this.doc.getArray<string>(SET_ROOT).push([id]);
        return;
      }
      const text = this.doc.getText(TEXT_ROOT);
      text.insert(this.#boundary(text), tokenOf(id));
    });
    if (isInText) this.#own.add(id);
    this.#lastAdded = id;
  }

  #delete(): boolean {
    const text = this.doc.getText(TEXT_ROOT);
    const shown = elementsIn(text.toString()).filter((id) => this.#own.has(id));
    if (shown.length === 0) return false;
    const id = this.options.random.pick(shown);
    this.#invoke('del', { dels: [id] }, () => {
      text.delete(text.toString().indexOf(tokenOf(id)), tokenOf(id).length);
    });
    this.#lastAdded = null;
    return true;
  }

  #set(): void {
    const key = this.options.name;
    const value = (this.#ids += 1);
    this.#invoke('set', { set: { key, value } }, () => {
      this.doc.getMap<number>(REG_ROOT).set(key, value);
    });
  }

  #format(): boolean {
    const text = this.doc.getText(TEXT_ROOT);
    const shown = elementsIn(text.toString());
    if (shown.length === 0) return false;
    const token = tokenOf(this.options.random.pick(shown));
    const isBold = this.options.random.oneIn(2);
    this.#invoke('format', {}, () => {
      text.format(text.toString().indexOf(token), token.length, { b: isBold ? true : null });
    });
    this.#lastAdded = null;
    return true;
  }

  /** Undoes an addition: a deletion, as far as anybody can tell. */
  #takeBack(): boolean {
    const id = this.#lastAdded;
    if (this.#undo === null || id === null || this.#undo.undoStack.length === 0) return false;
    const { undo } = this;
    this.#invoke('undo', { dels: [id] }, () => {
      undo();
    });
    this.#lastAdded = null;
    return true;
  }

  readonly undo = (): void => {
    this.#undo?.undo();
  };

  #boundary(text: Y.Text): number {
    const ends = [0];
    let at = 0;
    for (const id of elementsIn(text.toString())) ends.push((at += tokenOf(id).length));
    return this.options.random.pick(ends);
  }

  #invoke(
    f: OpInvoke['f'],
    what: Partial<Pick<OpInvoke, 'adds' | 'dels' | 'set'>>,
    change: () => void,
  ): void {
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
