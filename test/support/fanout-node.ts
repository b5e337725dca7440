/**
 * A node without sockets: rooms over a memory store, on a memory network, on virtual time. Several of them in two
 * regions are what tests of the fan-out look at.
 */
import { randomBytes } from 'node:crypto';
import { MemoryStore } from '../../persistence/memory-store.ts';
import { clocksPart, type ClocksPart } from '../../server/fanout/clocks.ts';
import type { FanoutEvent } from '../../server/fanout/part.ts';
import { Fanout } from '../../server/fanout/fanout.ts';
import type { MemoryNetwork } from '../../server/fanout/memory-bus.ts';
import { presencePart } from '../../server/fanout/presence-lease.ts';
import { replicationPart } from '../../server/fanout/replication-part.ts';
import { sweepPart, type SweepPart } from '../../server/fanout/sweep-part.ts';
import type { DocumentName } from '../../server/protocol/document-name.ts';
import { BaseCache } from '../../server/rooms/base-cache.ts';
import { RoomStats, type RoomContext } from '../../server/rooms/context.ts';
import { Documents } from '../../server/rooms/documents.ts';
import { Registry } from '../../server/rooms/registry.ts';
import type { DurabilityLevel } from '../../server/rooms/replication.ts';
import { Session } from '../../server/rooms/session.ts';
import type { TimerHandle, Timers } from '../../server/rooms/timers.ts';
import { WorkerPool } from '../../server/rooms/workers/worker-pool.ts';
import { RecordingOutlet } from './recording-outlet.ts';
import type { VirtualTimers } from './virtual-timers.ts';

const MIB = 1024 * 1024;

export interface FanoutNodeOptions {
  readonly network: MemoryNetwork;
  readonly timers: VirtualTimers;
  readonly random: () => number;
  readonly node: string;
  readonly region: string;
  readonly regions: readonly string[];
  /** How far its wall clock is ahead. */
  readonly aheadMs?: () => number;
  /** What is left of an earlier start. */
  readonly store?: MemoryStore;
}

export class FanoutNode {
  readonly store: MemoryStore;
  readonly registry: Registry;
  readonly documents: Documents;
  readonly fanout: Fanout;
  readonly sweep: SweepPart;
  readonly clocks: ClocksPart;
  readonly events: FanoutEvent[] = [];
  readonly #workers = new WorkerPool({ threadsMax: 1, queueMax: 1000 });

  static async start(options: FanoutNodeOptions): Promise<FanoutNode> {
    const { timers } = options;
    const store =
      options.store ??
      new MemoryStore({
        clock: {
          now: () => timers.wallClock(),
          setTimeout: (callback, delayMs) => timers.setTimeout(callback, delayMs),
          clearTimeout: (handle) => {
            timers.clearTimeout(handle as TimerHandle);
          },
          setImmediate: (callback) => {
            timers.setImmediate(callback);
          },
        },
      });
    await store.open();
    return new FanoutNode(options, store);
  }

  private constructor(options: FanoutNodeOptions, store: MemoryStore) {
    const { network, random, node, region, regions, aheadMs = () => 0 } = options;
    const timers = clockAhead(options.timers, aheadMs);
    this.store = store;
    this.sweep = sweepPart();
    this.clocks = clocksPart();
    const replication = replicationPart();
    this.fanout = new Fanout({
      bus: network.join(node, region, regions),
      epoch: randomBytes(8).toString('hex'),
      secret: null,
      timers,
      random,
      replication: 'full',
      updateBytesMax: 32 * MIB,
      parts: [presencePart, replication.makePart, this.sweep.makePart, this.clocks.makePart],
      report: (event) => this.events.push(event),
    });
    const context: RoomContext = {
      store,
      workers: this.#workers,
      bases: new BaseCache(store, 64 * MIB, timers),
      timers,
      nextEpoch: () => randomBytes(8).toString('hex'),
      limits: {
        documentBytesMax: 64 * MIB,
        documentsOpenMax: 20_000,
        flushWindowMs: 16,
        roomIdleMs: 60_000,
        compactTailUpdates: 1_000_000,
        compactTailBytes: 1_000 * MIB,
        compactTimeoutMs: 30_000,
        trialTimeoutMs: 1_000,
        foreignStructs: 'count',
        presence: { stateBytesMax: 8192, stateDepthMax: 16 },
      },
      stats: new RoomStats(),
      sabotage: {},
      relay: this.fanout,
      replicas: replication.replicas,
      isBehind: (document) => this.sweep.isBehind(document),
      isFillingUp: () => this.sweep.isFillingUp(),
      report: () => undefined,
    };
    this.registry = new Registry(context);
    this.documents = new Documents(this.registry, context, { writeTimeoutMs: 5_000 });
    this.fanout.start({
      registry: this.registry,
      store,
      access: {
        revocations: () => [],
        revoke: async () => undefined,
        onRevoked: () => () => undefined,
      },
    });
  }

  /** A connection that has said everything it knew, which is nothing. */
  async connect(
    name: DocumentName,
    durability: DurabilityLevel,
  ): Promise<{ readonly session: Session; readonly outlet: RecordingOutlet }> {
    const outlet = new RecordingOutlet();
    const session = new Session(outlet, { inboxBytesMax: MIB, sendBufferBytes: MIB }, durability);
    session.enter(await this.registry.open(name));
    session.receive({ type: 'sync-step-1', stateVector: Uint8Array.of(0) });
    session.receive({ type: 'sync-step-2', update: Uint8Array.of(0, 0) });
    return { session, outlet };
  }

  /** Nothing is said and nothing is written any more. */
  async end(): Promise<void> {
    await this.fanout.close(0);
    await this.registry.close();
    await this.#workers.close();
  }
}

function clockAhead(timers: VirtualTimers, aheadMs: () => number): Timers {
  return {
    now: () => timers.now(),
    wallClock: () => timers.wallClock() + aheadMs(),
    setTimeout: (callback, delayMs) => timers.setTimeout(callback, delayMs),
    clearTimeout: (handle) => {
      timers.clearTimeout(handle);
    },
    setImmediate: (callback) => {
      timers.setImmediate(callback);
    },
  };
}
