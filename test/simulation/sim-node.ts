/**
 * A whole node without sockets: the classes that node.ts wires, over a virtual disk, the memory bus and virtual time.
 * `start` and `stop` do what node.ts does, in its order; `crash` ends all its timers in the middle of whatever it did.
 */
import { LevelStore } from '../../persistence/level-store.ts';
import type { StoreClock } from '../../persistence/clock.ts';
import { newEpoch } from '../../server/fanout/exchange.ts';
import { Fanout } from '../../server/fanout/fanout.ts';
import type { MemoryNetwork } from '../../server/fanout/memory-bus.ts';
import type { FanoutEvent } from '../../server/fanout/part.ts';
import { presencePart } from '../../server/fanout/presence-lease.ts';
import { replicationPart } from '../../server/fanout/replication-part.ts';
import { snapshotPart } from '../../server/fanout/snapshot-part.ts';
import { sweepPart } from '../../server/fanout/sweep-part.ts';
import { Connections } from '../../server/connections/connections.ts';
import { BaseCache } from '../../server/rooms/base-cache.ts';
import { RoomStats, type RoomContext, type RoomEvent } from '../../server/rooms/context.ts';
import { Documents } from '../../server/rooms/documents.ts';
import { History } from '../../server/rooms/history.ts';
import { Registry } from '../../server/rooms/registry.ts';
import type { Random } from '../support/random.ts';
import { inProcessGzip, inProcessWorkers } from './in-process-workers.ts';
import type { Scheduler, Scope } from './scheduler.ts';
import { VirtualDisk } from './virtual-disk.ts';

const MIB = 1024 * 1024;
const FOLDER = 'data';
/** As node.ts: what a graceful end may take. */
const DRAIN_TIMEOUT_MS = 10_000;

export interface NodeSettings {
  readonly name: string;
  readonly region: string;
  readonly regions: readonly string[];
  /** Small ones make compaction, eviction and lagging everyday events. */
  readonly compactTailUpdates: number;
  readonly roomIdleMs: number;
  readonly sendBufferBytes: number;
  readonly keepsSnapshots: boolean;
}

export interface World {
  readonly scheduler: Scheduler;
  readonly network: MemoryNetwork;
  /** For the nodes' own dice. */
  readonly random: Random;
  /** For those of its snapshots. */
  readonly snapshotRandom: Random;
  /** What no node may ever do: an error at a place where there should be none. */
  readonly failed: (what: string, error: unknown) => void;
}

/** One life of a node, from its start to its end. */
export interface Life {
  readonly scope: Scope;
  readonly store: LevelStore;
  readonly registry: Registry;
  readonly documents: Documents;
  readonly connections: Connections;
  readonly fanout: Fanout;
  readonly stats: RoomStats;
  /** Null: nobody keeps snapshots in this world. */
  readonly history: History | null;
}

export type NodeStatus = 'down' | 'starting' | 'up' | 'stopping' | 'gone';

export class SimNode {
  readonly name: string;
  readonly region: string;
  readonly disk: VirtualDisk;
  readonly settings: NodeSettings;
  readonly #world: World;
  status: NodeStatus = 'down';
  life: Life | null = null;
  /** Counted over all lives. */
  rounds = 0;
  starts = 0;
  /** Called when a life has ended, by itself or not: connections are cut. */
  onEnd: () => void = () => undefined;
  onStatus: (status: NodeStatus, why: string) => void = () => undefined;

  constructor(settings: NodeSettings, world: World, diskRandom: Random) {
    this.settings = settings;
    this.name = settings.name;
    this.region = settings.region;
    this.#world = world;
    this.disk = new VirtualDisk(diskRandom);
  }

  get isUp(): boolean {
    return this.status === 'up';
  }

  /** Resolves when it serves, or could not start: then `status` is `down` and somebody tries again. */
  async start(): Promise<void> {
    if (this.status !== 'down') return;
    this.#become('starting', '');
    this.starts += 1;
    const life = this.#build(this.starts);
    this.life = life;
    try {
      await life.store.open();
    } catch (error) {
      if (life.scope.isEnded) return;
      this.#end();
      const isDisk = this.disk.state !== 'good' || this.disk.readsFail;
      // A folder that is in doubt although nothing but legal faults has happened to it.
      if (!isDisk) this.#world.failed(`${this.name} does not open its store`, error);
      this.#become('down', `could not open: ${(error as Error).message}`);
      return;
    }
    if (life.scope.isEnded) return;
    life.fanout.start({
      registry: life.registry,
      store: life.store,
      ...(life.history === null ? {} : { snapshots: life.history.replica }),
      access: {
        revocations: () => [],
        revoke: async () => undefined,
        onRevoked: () => () => undefined,
      },
    });
    life.connections.start();
    this.#become('up', '');
  }

  /** Everything stops at once; of the disk remains what is legal. */
  crash(kind: 'kill' | 'power'): void {
    if (this.status === 'down' || this.status === 'gone') return;
    this.#end();
    this.disk.crash(kind);
    this.#become('down', kind);
  }

  /** The graceful end: what node.ts does on SIGTERM. */
  async stop(): Promise<void> {
    const life = this.life;
    if (life === null || this.status !== 'up') return;
    this.#become('stopping', '');
    const { scope } = life;
    const deadlineMs = scope.now() + DRAIN_TIMEOUT_MS;
    const remainingMs = (): number => Math.max(0, deadlineMs - scope.now());
    life.connections.startDraining();
    await life.connections.closeAll(0);
    await life.registry.close();
    life.fanout.leave();
    await life.store.close(remainingMs());
    life.connections.stop();
    await life.fanout.close(remainingMs());
    if (scope.isEnded) return;
    this.#end();
    this.disk.crash('kill');
    this.#become('down', 'stopped');
  }

  /** It hangs, as if the machine stood still; the world goes on. */
  hang(): void {
    this.life?.scope.hang();
  }

  goOn(): void {
    this.life?.scope.goOn();
  }

  /** Never to come back. */
  die(): void {
    this.crash('power');
    this.disk.wipe();
    this.#become('gone', 'for good');
  }

  #end(): void {
    const { life } = this;
    if (life === null) return;
    life.scope.end();
    this.life = null;
    this.rounds += roundsOf(life.fanout);
    // A dead process says nothing: only the network forgets it.
    void life.fanout.bus.close(0);
    this.onEnd();
  }

  get roundsSoFar(): number {
    return this.rounds + (this.life === null ? 0 : roundsOf(this.life.fanout));
  }

  #become(status: NodeStatus, why: string): void {
    this.status = status;
    this.onStatus(status, why);
  }

  #build(start: number): Life {
    const { scheduler, network, random, snapshotRandom } = this.#world;
    const { name, region, regions, compactTailUpdates, roomIdleMs, keepsSnapshots } = this.settings;
    const scope = scheduler.scope();
    const clock: StoreClock = {
      now: () => scope.wallClock(),
      setTimeout: (run, ms) => scope.setTimeout(run, ms),
      clearTimeout: (handle) => {
        // The stores pass what they were given, or nothing.
        if (handle !== null && handle !== undefined) scope.clearTimeout(handle);
      },
      setImmediate: (run) => {
        scope.setImmediate(run);
      },
    };
    let ids = 0;
    const store = new LevelStore({
      folder: FOLDER,
      clock,
      medium: this.disk.medium(scope),
      newId: () => `${name}-${start}-${(ids += 1)}`,
    });
    const replication = replicationPart();
    const sweep = sweepPart();
    const snapshots = keepsSnapshots ? [snapshotPart().makePart] : [];
    const fanout = new Fanout({
      bus: network.join(name, region, regions, {}, scope),
      epoch: newEpoch((length) => Uint8Array.from({ length }, () => random.below(256))),
      secret: null,
      timers: scope,
      random: () => random.float(),
      replication: 'full',
      updateBytesMax: 2 * 64 * MIB,
      parts: [presencePart, replication.makePart, sweep.makePart, ...snapshots],
      report: (event) => {
        this.#onFanoutEvent(event, scope);
      },
    });
    let epochs = 0;
    const stats = new RoomStats();
    const workers = inProcessWorkers(scope, () => random.float());
    const context: RoomContext = {
      store,
      workers,
      bases: new BaseCache(store, 64 * MIB, scope, (base) => ({ deref: () => base })),
      timers: scope,
      nextEpoch: () => `${name}-${start}-${(epochs += 1)}`,
      limits: {
        documentBytesMax: 64 * MIB,
        documentsOpenMax: 2_000,
        flushWindowMs: 16,
        roomIdleMs,
        compactTailUpdates,
        compactTailBytes: 4 * MIB,
        compactTimeoutMs: 30_000,
        trialTimeoutMs: 1_000,
        foreignStructs: 'count',
        presence: { stateBytesMax: 8_192, stateDepthMax: 16 },
      },
      stats,
      sabotage: {},
      relay: fanout,
      replicas: replication.replicas,
      isBehind: (document) => sweep.isBehind(document),
      report: (event) => {
        this.#onRoomEvent(event, scope);
      },
    };
    const registry = new Registry(context);
    const documents = new Documents(registry, context, { writeTimeoutMs: DRAIN_TIMEOUT_MS });
    return {
      scope,
      store,
      registry,
      documents,
      history: keepsSnapshots
        ? new History({
            documents,
            store,
            workers: { ...workers, view: () => Promise.reject(new Error('nobody looks')) },
            timers: scope,
            limits: {
              snapshotsMax: 100,
              documentBytesMax: 64 * MIB,
              writeTimeoutMs: DRAIN_TIMEOUT_MS,
              contentBytesMax: MIB,
              contentTimeoutMs: 1_000,
              restoreTimeoutMs: 1_000,
            },
            random: () => snapshotRandom.below(2 ** 32),
            gzip: inProcessGzip(scope, () => snapshotRandom.float()),
          })
        : null,
      connections: new Connections({
        timers: scope,
        limits: { connectionsMax: 1_000, keepAliveMs: 15_000 },
      }),
      fanout,
      stats,
    };
  }

  #onRoomEvent(event: RoomEvent, scope: Scope): void {
    if (scope.isEnded) return;
    switch (event.type) {
      case 'quarantined':
      case 'update-refused':
        this.#world.failed(`${this.name} ${event.type}`, JSON.stringify(event));
        break;
      case 'compaction-failed':
      case 'open-failed':
      case 'session-failed':
      case 'compacted':
        // With a disk that fails these are legal; what they lead to shows at the end.
        break;
    }
  }

  #onFanoutEvent(event: FanoutEvent, scope: Scope): void {
    if (scope.isEnded) return;
    if (event.type === 'refused') this.#world.failed(`${this.name} refused`, JSON.stringify(event));
  }
}

function roundsOf({ stats }: Fanout): number {
  let rounds = 0;
  for (const count of Object.values(stats.rounds)) rounds += count;
  return rounds;
}
