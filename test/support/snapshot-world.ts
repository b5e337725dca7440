/** Nodes that tell each other of snapshots, over a bus that loses what a test says; stores, states and their checks are real. */
import { gunzipSync, gzipSync } from 'node:zlib';
import * as Y from 'yjs';
import { systemClock, type StoreClock } from '../../persistence/clock.ts';
import { MemoryStore } from '../../persistence/memory-store.ts';
import type { Message } from '../../server/fanout/messages.ts';
import { decodePayload, encodePayload } from '../../server/fanout/payloads.ts';
import { SnapshotSync } from '../../server/fanout/snapshot-sync.ts';
import type { DocumentName } from '../../server/protocol/document-name.ts';
import { SnapshotRecords, type SnapshotInfo } from '../../server/rooms/snapshot-records.ts';
import { SnapshotReplica } from '../../server/rooms/snapshot-replica.ts';
import { Turns } from '../../server/rooms/turns.ts';
import { scan } from '../../server/rooms/updates/scan.ts';
import { documentName } from './room-house.ts';
import { VirtualTimers } from './virtual-timers.ts';

const A = documentName('a');
/** Of entity tags. */
export const DIGEST: string = 'R9xUDJTOtwSiOHXBEnPha7C4qHrthN6RHyEzVoEV8lQ';
export const STATE_BYTES_MAX: number = 8 * 1024 * 1024;

/** Of the event loop: nothing here takes more of them between two messages, and nothing waits for the clock. */
const QUIET_TURNS = 20;
/** Somebody waits for what was lost. */
const QUIET_TURNS_MAX = 300;

export interface Sent {
  readonly from: string;
  readonly to: string;
  readonly message: Message;
}

export class SnapshotWorld {
  readonly timers: VirtualTimers = new VirtualTimers();
  readonly nodes: Map<string, SnapshotNode> = new Map();
  readonly sent: Sent[] = [];
  loses: (sent: Sent) => boolean = () => false;
  #underWay = 0;

  async start(name: string): Promise<SnapshotNode> {
    const node = await SnapshotNode.start(this, name);
    this.nodes.set(name, node);
    for (const other of this.nodes.values()) if (other !== node) other.sync.greet(name);
    await this.settle();
    return node;
  }

  send(from: string, message: Message): void {
    const document = 'document' in message ? message.document : null;
    const payload = encodePayload(message);
    for (const [to, node] of this.nodes) {
      if (to === from || ('to' in message && message.to !== to)) continue;
      const sent = { from, to, message };
      this.sent.push(sent);
      if (this.loses(sent)) continue;
      const decoded = decodePayload(message.kind, document, payload);
      if (decoded === null) throw new Error(`a ${message.kind} that nobody can read`);
      this.#underWay += 1;
      setImmediate(() => {
        this.#underWay -= 1;
        node.hear(from, decoded);
      });
    }
  }

  /** Until nothing is under way; no time passes, so that what was lost is not waited for without end. */
  async settle(): Promise<void> {
    let quiet = 0;
    for (let before = -1; quiet < QUIET_TURNS_MAX; before = this.sent.length) {
      await new Promise((resolve) => setImmediate(resolve));
      const isQuiet = this.#underWay === 0 && this.sent.length === before;
      quiet = isQuiet ? quiet + 1 : 0;
      if (quiet >= QUIET_TURNS && [...this.nodes.values()].every((node) => node.isIdle)) return;
    }
  }

  /** Seconds, a tick of every node each. What was asked for and lost is waited for in vain. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      await this.timers.advance(1_000);
      for (const { sync } of this.nodes.values()) sync.tick();
      if (this.loses === nothing) await this.settle();
      else await this.#turns(QUIET_TURNS);
    }
  }

  heal(): void {
    this.loses = nothing;
  }

  async #turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

const nothing = (): boolean => false;

export class SnapshotNode {
  readonly name: string;
  readonly store: MemoryStore;
  readonly records: SnapshotRecords;
  readonly replica: SnapshotReplica;
  readonly sync: SnapshotSync;
  readonly errors: unknown[] = [];
  #made = 0;

  constructor(house: SnapshotWorld, name: string, store: MemoryStore) {
    this.name = name;
    this.store = store;
    this.records = new SnapshotRecords(store.records);
    this.replica = new SnapshotReplica({
      records: this.records,
      turns: new Turns(),
      workers: { scan: async (update, trust) => Promise.resolve(scan(update, trust)) },
      gzip: {
        pack: (bytes) => Promise.resolve(gzipSync(bytes)),
        // As threadGzip, but for the thread.
        unpack: (gzipped, bytesMax) => Promise.resolve(unpacked(gzipped, bytesMax)),
      },
      stateBytesMax: STATE_BYTES_MAX,
    });
    this.sync = new SnapshotSync({
      replica: this.replica,
      timers: house.timers,
      send: (message) => {
        house.send(name, message);
      },
      onError: (_doing, error) => this.errors.push(error),
    });
  }

  static async start(house: SnapshotWorld, name: string): Promise<SnapshotNode> {
    const store = new MemoryStore({ clock: instantClock });
    await store.open();
    const node = new SnapshotNode(house, name, store);
    await node.sync.start();
    return node;
  }

  get isIdle(): boolean {
    return this.sync.waiting === 0;
  }

  hear(origin: string, message: Message): void {
    const region = 'eu';
    this.sync.onMessage({ origin, epoch: '0', region, seq: 1, traceparent: null, message });
  }

  async make(
    state: Uint8Array = typed('hello'),
    document: DocumentName = A,
  ): Promise<SnapshotInfo> {
    this.#made += 1;
    const time = String(this.#made).padStart(12, '0');
    const id = `${time}-${this.name.charCodeAt(0).toString(16).padStart(8, '0')}`;
    const bytes = state.length;
    const info = { id, label: 'läbel', createdAtMs: 17, author: this.name, digest: DIGEST, bytes };
    await this.records.write(document, info, gzipSync(state));
    this.replica.onChanged(document);
    return info;
  }

  async delete(id: string): Promise<void> {
    if (!(await this.records.delete(A, id))) throw new Error(`there is no ${id}`);
    this.replica.onChanged(A);
  }

  async ids(document: DocumentName = A): Promise<readonly string[]> {
    return (await this.records.list(document)).map(({ id }) => id);
  }
}

/** A disk that writes in the next turns of the event loop. */
const instantClock: StoreClock = {
  ...systemClock,
  setTimeout: (run) => setImmediate(run),
  clearTimeout: (handle) => {
    clearImmediate(handle as NodeJS.Immediate);
  },
};

function unpacked(gzipped: Uint8Array, bytesMax: number): Uint8Array | null {
  try {
    return gunzipSync(gzipped, { maxOutputLength: Math.max(1, bytesMax) });
  } catch {
    return null;
  }
}

export function typed(text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}

export async function worldOf(...names: readonly string[]): Promise<SnapshotWorld> {
  const made = new SnapshotWorld();
  made.heal();
  for (const name of names) await made.start(name);
  return made;
}

export function nodeOf(of: SnapshotWorld, name: string): SnapshotNode {
  const found = of.nodes.get(name);
  if (found === undefined) throw new Error(`no node ${name}`);
  return found;
}
