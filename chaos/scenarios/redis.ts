/** Redis servers that die, hang, throw out and refuse: F30, F31, F33 to F36. */
import { pause } from '../engine/clock.ts';
import {
  bufferOverflow,
  pubsubKilled,
  redisHung,
  redisKilled,
  redisOutOfMemory,
} from '../faults/redis.ts';
import type { Scenario } from './scenario.ts';

export const REDIS_SCENARIOS: readonly Scenario[] = [
  {
    id: 'F30',
    kind: 'staged',
    title: 'Redis is killed, and comes back after 2 s and later',
    seconds: 10,
    script: async (run) => {
      const short = redisKilled(run.stage.region(0));
      await run.inject(short);
      await pause(2_000);
      await run.heal(short);
      await run.load(0.3);
      await run.inject(redisKilled(run.stage.region(1)));
      await run.load(0.7);
    },
  },
  {
    id: 'F31',
    kind: 'staged',
    title: 'Redis hangs for 3 s and longer',
    seconds: 10,
    script: async (run) => {
      const short = redisHung(run.stage.region(0));
      await run.inject(short);
      await pause(3_000);
      await run.heal(short);
      await run.load(0.3);
      await run.inject(redisHung(run.stage.region(1)));
      await run.load(0.7);
    },
  },
  {
    id: 'F33',
    kind: 'staged',
    title: 'CLIENT KILL TYPE pubsub every 2 s',
    seconds: 9,
    script: async (run) => {
      await run.inject(pubsubKilled(run.stage, 2_000));
      await run.load(1);
    },
  },
  {
    id: 'F34',
    kind: 'staged',
    title: 'output buffers of subscribers overflow',
    seconds: 8,
    script: async (run) => {
      await run.inject(bufferOverflow(run.stage, run.stage.region(0)));
      await run.load(1);
    },
  },
  {
    id: 'F35',
    kind: 'staged',
    title: 'Redis is out of memory and refuses passwords',
    seconds: 8,
    script: async (run) => {
      await run.inject(redisOutOfMemory(run.stage.region(0)));
      await run.load(1);
    },
  },
  {
    id: 'F36',
    kind: 'staged',
    title: 'Redis is replaced by another, empty one',
    seconds: 6,
    script: async (run) => {
      const replaced = redisKilled(run.stage.region(0), 'F36');
      await run.inject(replaced);
      await run.heal(replaced);
      await run.load(1);
    },
  },
];
