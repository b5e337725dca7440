/**
 * Puts a node's fan-out together: the bus over Redis, and what plugs into it. Part of the wiring of node.ts, which is
 * alone without REDIS_URL; then nothing of this exists.
 */
import { randomBytes } from 'node:crypto';
import { clocksPart } from './fanout/clocks.ts';
import { newEpoch } from './fanout/exchange.ts';
import { Fanout } from './fanout/fanout.ts';
import type { FanoutEvent } from './fanout/part.ts';
import { placesOf } from './fanout/places.ts';
import { presencePart } from './fanout/presence-lease.ts';
import { RedisBus } from './fanout/redis-bus.ts';
import { replicationPart } from './fanout/replication-part.ts';
import { snapshotPart } from './fanout/snapshot-part.ts';
import { sweepPart } from './fanout/sweep-part.ts';
import { signalPart } from './fanout/signals.ts';
import { tellersPart } from './fanout/tellers.ts';
import type { WatchedCluster } from './observe/fanout-metrics.ts';
import type { Config } from './options.ts';
import type { RoomContext } from './rooms/context.ts';
import type { Tracing } from './rooms/tracing.ts';
import { realTimers } from './rooms/timers.ts';

export interface Cluster extends WatchedCluster {
  /** What rooms get to see of it. */
  readonly ofRooms: Required<Pick<RoomContext, 'relay' | 'replicas' | 'isBehind' | 'isFillingUp'>>;
}

/** Null: this node is alone. */
export function createCluster(
  config: Config,
  tracing: Tracing | null,
  report: (event: FanoutEvent) => void,
): Cluster | null {
  const places = placesOf(config);
  if (places === null) return null;
  const bus = new RedisBus({
    node: config.nodeId,
    places,
    timers: realTimers,
    random: Math.random,
    observer: {
      onListenerFailed: (error) => {
        report({ type: 'failed', doing: 'listen', error });
      },
    },
  });
  const replication = replicationPart();
  const sweep = sweepPart();
  const snapshots = snapshotPart();
  const clocks = clocksPart();
  const fanout = new Fanout({
    bus,
    epoch: newEpoch((length) => randomBytes(length)),
    secret: config.busSecret,
    timers: realTimers,
    random: Math.random,
    replication: config.replication,
    updateBytesMax: 2 * config.documentBytesMax,
    tracing,
    parts: [
      presencePart,
      replication.makePart,
      sweep.makePart,
      snapshots.makePart,
      clocks.makePart,
      tellersPart(config.webhookUrl !== null),
      signalPart,
    ],
    report,
  });
  return {
    fanout,
    sweepCounts: () => sweep.counts(),
    snapshotCounts: () => snapshots.counts(),
    waitingForReplicas: () => replication.waitingCount(),
    clockDifferenceMs: () => clocks.worstMs(),
    ofRooms: {
      relay: fanout,
      replicas: replication.replicas,
      isBehind: (document) => sweep.isBehind(document),
      isFillingUp: () => sweep.isFillingUp(),
    },
  };
}
