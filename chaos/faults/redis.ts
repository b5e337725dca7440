/** F30 to F36: what happens to Redis servers. Editing, storing and local acks go on through all of it [I4]. */
import { pause } from '../engine/clock.ts';
import type { Stage, StageRegion } from '../stage/stage.ts';
import type { Fault } from './fault.ts';
import { redisCommand } from './redis-command.ts';

/** kill -9; healing starts it again, empty, as one that keeps nothing on disk. F36 is the same with a name of its own. */
export function redisKilled(region: StageRegion, id: 'F30' | 'F36' = 'F30'): Fault {
  let pidBefore: number | null = null;
  let wasRefused = false;
  return {
    id,
    name: `${region.redis.name} is killed${id === 'F36' ? ' and another, empty one takes its place' : ''}`,
    scope: 'bus',
    targets: [region.redis.name],
    inject: async () => {
      pidBefore = region.redis.pid;
      await region.redis.kill();
      wasRefused = await isRefused(region.redisPort);
    },
    heal: async () => {
      await region.redis.start();
    },
    prove: () => (wasRefused ? `process ${pidBefore} is gone, its port refuses` : null),
  };
}

async function isRefused(port: number): Promise<boolean> {
  try {
    await redisCommand(port, 'PING');
    return false;
  } catch {
    return true;
  }
}

/** SIGSTOP: connections live, nobody answers. */
export function redisHung(region: StageRegion): Fault {
  let isSilent = false;
  return {
    id: 'F31',
    name: `${region.redis.name} hangs`,
    scope: 'bus',
    targets: [region.redis.name],
    inject: async () => {
      region.redis.stop();
      isSilent = await isRefused(region.redisPort);
    },
    heal: async () => {
      region.redis.resume();
      await Promise.resolve();
    },
    prove: () => (isSilent ? 'it accepts, and does not answer a PING' : null),
  };
}

/** CLIENT KILL TYPE pubsub every so often. */
export function pubsubKilled(stage: Stage, everyMs: number): Fault {
  let timer: NodeJS.Timeout | null = null;
  let killed = 0;
  const killAll = async (): Promise<void> => {
    for (const { redisPort } of stage.regions) {
      const answer = await redisCommand(redisPort, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
      killed += Number(answer.slice(1)) || 0;
    }
  };
  return {
    id: 'F33',
    name: `subscribers are killed every ${everyMs} ms`,
    scope: 'bus',
    targets: stage.regions.map(({ redis }) => redis.name),
    inject: async () => {
      await killAll();
      timer = setInterval(() => {
        killAll().catch(() => undefined);
      }, everyMs);
    },
    heal: async () => {
      if (timer !== null) clearInterval(timer);
      await Promise.resolve();
    },
    prove: () => (killed > 0 ? `${killed} connections killed, as Redis counts them` : null),
  };
}

/** More than the buffers of sockets on loopback take. */
const BURST_MESSAGES = 48;
const BURST_BYTES: number = 512 * 1024;
const SETTLE_MS = 300;

/** The limit of a subscriber's buffer is small, and a burst of foreign messages on a bus channel overflows it. */
export function bufferOverflow(stage: Stage, region: StageRegion): Fault {
  let disconnected = 0;
  return {
    id: 'F34',
    name: `${region.redis.name} cuts off subscribers whose buffer exceeds 1 MiB, in a burst`,
    scope: 'bus',
    targets: [region.redis.name],
    inject: async () => {
      const { redisPort } = region;
      const before = await subscribersOf(redisPort);
      await redisCommand(
        redisPort,
        'CONFIG',
        'SET',
        'client-output-buffer-limit',
        'pubsub 1mb 1mb 1',
      );
      // Nobody reads while the burst comes: that is what fills the buffers.
      const links = stage.seats.flatMap(({ busLinks }) =>
        busLinks.filter((link) => link.region === region.name),
      );
      for (const { link } of links) link.set('down', 'hold');
      const payload = 'x'.repeat(BURST_BYTES);
      for (let count = 0; count < BURST_MESSAGES; count += 1) {
        await redisCommand(redisPort, 'PUBLISH', 'syncline:{all}', payload);
      }
      await pause(SETTLE_MS);
      // Sooner than a node would give up the silent connection by itself.
      const after = await subscribersOf(redisPort);
      disconnected = [...before].filter((id) => !after.has(id)).length;
      for (const { link } of links) link.set('down', 'flow');
    },
    heal: async () => {
      await redisCommand(
        region.redisPort,
        'CONFIG',
        'SET',
        'client-output-buffer-limit',
        'pubsub 32mb 8mb 60',
      );
    },
    prove: () =>
      disconnected > 0 ? `${disconnected} of its subscribers are gone from CLIENT LIST` : null,
  };
}

/** Ids of connections: Redis 7.0 counts nowhere whom it has thrown out. */
async function subscribersOf(port: number): Promise<Set<string>> {
  const list = await redisCommand(port, 'CLIENT', 'LIST', 'TYPE', 'pubsub');
  return new Set(Array.from(list.matchAll(/^id=(\d+)/gm), (match) => match[1] ?? ''));
}

/** `maxmemory` is reached and nothing may be evicted; pub/sub itself needs none of it, counters do. */
export function redisOutOfMemory(region: StageRegion): Fault {
  let refusal = '';
  return {
    id: 'F35',
    name: `${region.redis.name} is out of memory, and asks for a password`,
    scope: 'bus',
    targets: [region.redis.name],
    inject: async () => {
      await redisCommand(region.redisPort, 'CONFIG', 'SET', 'maxmemory', '1mb');
      await redisCommand(region.redisPort, 'CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
      refusal = await redisCommand(region.redisPort, 'SET', 'chaos', 'x');
      // And nobody may come in any more: those who are connected are thrown out.
      await redisCommand(region.redisPort, 'CONFIG', 'SET', 'requirepass', 'chaos');
      const refusedLogin = await redisCommand(region.redisPort, 'PING');
      refusal = `${refusal}; ${refusedLogin}`;
      await authorised(region.redisPort, 'CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await authorised(region.redisPort, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
    },
    heal: async () => {
      await authorised(region.redisPort, 'CONFIG', 'SET', 'requirepass', '');
      await redisCommand(region.redisPort, 'CONFIG', 'SET', 'maxmemory', '0');
    },
    prove: () => (refusal.includes('NOAUTH') ? refusal : null),
  };
}

/** A user with the password in the URL's way: AUTH and the command on one connection. */
async function authorised(port: number, ...words: readonly string[]): Promise<void> {
  const { connect } = await import('node:net');
  const { encodeStrings } = await import('../proxies/resp.ts');
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let lines = 0;
    socket.on('error', reject);
    socket.on('close', () => {
      resolve();
    });
    socket.on('data', (data: Buffer) => {
      lines += data.toString('latin1').split('\r\n').length - 1;
      if (lines >= 2) socket.destroy();
    });
    for (const command of [['AUTH', 'chaos'], words]) {
      socket.write(
        encodeStrings(
          '*',
          command.map((word) => Buffer.from(word)),
        ),
      );
    }
  });
}
