/**
 * Several nodes' rooms, stores and fan-outs in one process, over a memory network and virtual time: what happens
 * depends on the seed alone. Edits come from Y.Docs of people, as updates; nobody edits unless the test says so.
 */
import { onTestFinished } from 'vitest';
import * as Y from 'yjs';
import { MemoryStore } from '../../persistence/memory-store.ts';
import type { AccessControl, Revocation } from '../../server/access/access.ts';
import { newEpoch } from '../../server/fanout/exchange.ts';
import { Fanout, type FanoutOptions } from '../../server/fanout/fanout.ts';
import type { MakePart } from '../../server/fanout/part.ts';
import { MemoryNetwork } from '../../server/fanout/memory-bus.ts';
import type { DocumentName } from '../../server/protocol/document-name.ts';
import { BaseCache } from '../../server/rooms/base-cache.ts';
import { RoomStats, type RoomContext } from '../../server/rooms/context.ts';
import { Documents } from '../../server/rooms/documents.ts';
import { Registry } from '../../server/rooms/registry.ts';
import { WorkerPool } from '../../server/rooms/workers/worker-pool.ts';
import { seededRandom, type Random } from './random.ts';
import { documentName } from './room-house.ts';
import { VirtualTimers } from './virtual-timers.ts';

const MIB = 1024 * 1024;

export interface MeshNode {
  readonly name: string;
  readonly store: MemoryStore;
  readonly registry: Registry;
  readonly documents: Documents;
  readonly fanout: Fanout;
  readonly revoked: Revocation[];
  readonly access: Pick<AccessControl, 'revocations' | 'revoke' | 'onRevoked'>;
}

export type MeshOptions = Partial<Pick<FanoutOptions, 'replication' | 'sabotage' | 'secret'>>;

export class NodeMesh {
  readonly seed: number;
  readonly random: Random;
  readonly timers: VirtualTimers = new VirtualTimers();
  readonly network: MemoryNetwork;
  readonly nodes: MeshNode[] = [];
  readonly #workers = new WorkerPool({ threadsMax: 1, queueMax: 1000 });
  readonly #options: MeshOptions;

  constructor(seed: number, options: MeshOptions = {}) {
    this.seed = seed;
    this.#options = options;
    this.random = seededRandom(seed);
    const random = (): number => this.random.float();
    this.network = new MemoryNetwork({ timers: this.timers, random });
    onTestFinished(async () => {
      await this.#workers.close();
    });
  }

  /** A node in a region of its own, unless said. It starts with what its store holds. */
  async join(
    name: string,
    region: string = name,
    store?: MemoryStore,
    parts: readonly MakePart[] = [],
  ): Promise<MeshNode> {
    const { timers, random } = this;
    const disk = store ?? new MemoryStore({ clock: timers });
    await disk.open();
    const regions = ['a', 'b', 'c', 'd'].filter((other) => other !== region);
    const fanout = new Fanout({
      bus: this.network.join(name, region, regions),
      epoch: newEpoch((length) => Uint8Array.from({ length }, () => random.below(256))),
      secret: null,
      timers,
      random: () => random.float(),
      replication: 'full',
      updateBytesMax: 64 * MIB,
      parts,
      report: (event) => {
        if (event.type === 'failed') throw event.error;
      },
      ...this.#options,
    });
    let epochs = 0;
    const context: RoomContext = {
      store: disk,
      workers: this.#workers,
      bases: new BaseCache(disk, 64 * MIB, timers),
      timers,
      nextEpoch: () => `${name}-${(epochs += 1)}`,
      limits: {
        documentBytesMax: 64 * MIB,
        documentsOpenMax: 2000,
        flushWindowMs: 16,
        roomIdleMs: 30_000,
        compactTailUpdates: 1_000_000,
        compactTailBytes: 1_000 * MIB,
        compactTimeoutMs: 30_000,
        trialTimeoutMs: 1_000,
        foreignStructs: 'count',
        presence: { stateBytesMax: 8192, stateDepthMax: 16 },
      },
      stats: new RoomStats(),
      sabotage: {},
      relay: fanout,
      report: () => undefined,
    };
    const registry = new Registry(context);
    const documents = new Documents(registry, context, { writeTimeoutMs: 10_000 });
    const { access, revoked } = fakeAccess();
    fanout.start({ registry, store: disk, access });
    const node = { name, store: disk, registry, documents, fanout, revoked, access };
    this.nodes.push(node);
    return node;
  }

  async run(ms: number): Promise<void> {
    await this.timers.advance(ms);
  }

  /** Waits in virtual time, at most `ms`, for what a promise brings. */
  async settle<T>(work: Promise<T>, ms: number = 5_000): Promise<T> {
    const state = { isSettled: false };
    const watched = work.finally(() => {
      state.isSettled = true;
    });
    watched.catch(() => undefined);
    const deadlineMs = this.timers.now() + ms;
    while (!state.isSettled) {
      if (this.timers.now() >= deadlineMs) {
        throw new Error(`not settled within ${ms} ms, seed ${this.seed}`);
      }
      await this.run(10);
    }
    return await watched;
  }

  /** One person's change, made on top of all that the node has. */
  async edit(node: MeshNode, document: DocumentName, change: (doc: Y.Doc) => void): Promise<void> {
    const doc = await this.read(node, document);
    const before = Y.encodeStateVector(doc);
    doc.clientID = this.random.below(2 ** 32);
    change(doc);
    const update = Y.encodeStateAsUpdate(doc, before);
    await this.settle(node.documents.write(document, update, { isCreating: true }));
  }

  /** What a person would see on the node. */
  async read(node: MeshNode, document: DocumentName): Promise<Y.Doc> {
    const doc = new Y.Doc();
    const state = await this.settle(node.documents.state(document, null).catch(() => null));
    if (state !== null) Y.applyUpdate(doc, Buffer.concat(state.parts));
    return doc;
  }

  /** Null when all nodes have the same in memory: state vector, delete set; otherwise what differs. */
  async difference(document: DocumentName): Promise<string | null> {
    const digests: string[] = [];
    for (const node of this.nodes) {
      const stored = await this.#stored(node, document);
      digests.push(stored);
    }
    return new Set(digests).size <= 1 ? null : `seed ${this.seed}: ${digests.join(' | ')}`;
  }

  /** By what lies on the node's disk: reading it asks nobody. */
  async #stored(node: MeshNode, document: DocumentName): Promise<string> {
    const stat = await node.store.stat(document);
    if (stat === null) return 'nothing';
    if (stat.isDeleted) return 'deleted';
    const { tail } = await node.store.load(document);
    const doc = new Y.Doc({ gc: false });
    for (const { bytes } of tail) Y.applyUpdate(doc, bytes);
    const { sv, ds } = Y.snapshot(doc);
    const clocks = [...sv].toSorted(([a], [b]) => a - b);
    const deletes = [...ds.clients].toSorted(([a], [b]) => a - b);
    return JSON.stringify([clocks, deletes, doc.getText('t').toString()]);
  }

  /** Milliseconds of virtual time until all nodes have the same on disk; fails after `msMax`. */
  async untilEqual(document: DocumentName, msMax: number): Promise<number> {
    const startMs = this.timers.now();
    for (;;) {
      const differs = await this.difference(document);
      if (differs === null) return this.timers.now() - startMs;
      if (this.timers.now() - startMs >= msMax) throw new Error(differs);
      await this.run(50);
    }
  }
}

export const DOCUMENT: DocumentName = documentName('meeting');

export function typing(text: string): (doc: Y.Doc) => void {
  return (doc) => {
    doc.getText('t').insert(0, text);
  };
}

export function deleting(length: number): (doc: Y.Doc) => void {
  return (doc) => {
    doc.getText('t').delete(0, length);
  };
}

function fakeAccess(): Pick<MeshNode, 'access' | 'revoked'> {
  const revoked: Revocation[] = [];
  const listeners = new Set<(revocation: Revocation) => void>();
  return {
    revoked,
    access: {
      revocations: () => revoked,
      revoke: async (revocation) => {
        revoked.push(revocation);
        for (const listener of listeners) listener(revocation);
        await Promise.resolve();
      },
      onRevoked: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  };
}
