/**
 * Puts a node's access control together from its configuration. Part of the wiring of node.ts.
 */
import type { RecordStore } from '../persistence/store.ts';
import type { Authorize } from './access/authorize.ts';
import { createAccessControl, type AccessEvent, type RunningAccess } from './access/control.ts';
import { keySourceOf, signingKeyOf } from './access/key-config.ts';
import { TokenClock } from './access/token-clock.ts';
import { badTokenQuota } from './access/rate-limits.ts';
import { SharedRedis } from './access/redis.ts';
import { urlsOf } from './fanout/places.ts';
import type { Logger } from './observe/log.ts';
import type { Config } from './options.ts';
import { realTimers } from './rooms/timers.ts';

export interface NodeAccessOptions {
  readonly config: Config;
  readonly authorize: Authorize | null;
  readonly records: RecordStore;
  readonly redis: SharedRedis | null;
  readonly log: Logger;
  readonly report: (event: AccessEvent) => void;
}

export function createNodeAccess(options: NodeAccessOptions): RunningAccess {
  const { config, authorize, records, redis, log, report } = options;
  const clock = new TokenClock(realTimers, (byMs) => {
    report({ type: 'clock-jumped', byMs });
  });
  return createAccessControl({
    keys: keySourceOf(config, {
      now: () => realTimers.now(),
      onFailure: (error) => {
        log.error({ err: error }, 'the keys at JWKS_URL could not be fetched');
      },
    }),
    signing: signingKeyOf(config),
    rules: {
      issuer: config.jwtIssuer,
      audience: config.jwtAudience,
      lifetimeMaxMs: config.tokenLifetimeMaxMs,
      clockToleranceMs: config.clockToleranceMs,
    },
    authorize,
    authorizeTimeoutMs: config.authorizeTimeoutMs,
    badTokens: { quota: badTokenQuota(config), windowMs: config.rateWindowMs },
    records,
    redis,
    now: () => clock.now(),
    report,
  });
}

/** What nodes of a region count together; null for a node that is alone. */
export function createSharedRedis(config: Config, log: Logger): SharedRedis | null {
  if (config.redisUrl === null) return null;
  return new SharedRedis(
    urlsOf(config.redisUrl),
    () => realTimers.now(),
    (isUp) => {
      if (isUp) log.info('Redis is back: rates and tickets are shared again');
      else
        log.warn('Redis, or a server of it, is out: what it counted this node counts for itself');
    },
  );
}
