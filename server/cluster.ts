/**
 * Puts a node's fan-out together: the bus over Redis, and what plugs into it. Part of the wiring of node.ts, which is
 * alone without REDIS_URL; then nothing of this exists.
 */
import { randomBytes } from 'node:crypto';
import { newEpoch } from './fanout/exchange.ts';
import { Fanout } from './fanout/fanout.ts';
import type { FanoutEvent, MakePart } from './fanout/part.ts';
import { placesOf } from './fanout/places.ts';
import { RedisBus } from './fanout/redis-bus.ts';
import type { Config } from './options.ts';
import { realTimers } from './rooms/timers.ts';

/** Null: this node is alone. */
export function createFanout(
  config: Config,
  parts: readonly MakePart[],
  report: (event: FanoutEvent) => void,
): Fanout | null {
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
  return new Fanout({
    bus,
    epoch: newEpoch((length) => randomBytes(length)),
    secret: config.busSecret,
    timers: realTimers,
    random: Math.random,
    replication: config.replication,
    updateBytesMax: 2 * config.documentBytesMax,
    parts,
    report,
  });
}
