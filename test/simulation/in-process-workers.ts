/**
 * What worker threads do, done in this one after a while of virtual time: threads finish in an order of their own, and
 * no run would repeat itself. The functions are those that the threads run; deadlines and lanes are not simulated.
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Gzip } from '../../server/rooms/gzip.ts';
import type { Timers } from '../../server/rooms/timers.ts';
import { pause } from '../../server/rooms/timers.ts';
import { divide } from '../../server/rooms/updates/assembly.ts';
import { diff, integrablePart } from '../../server/rooms/updates/cut.ts';
import { outline } from '../../server/rooms/updates/outline.ts';
import { scan } from '../../server/rooms/updates/scan.ts';
import { readStateVector, Version } from '../../server/rooms/updates/version.ts';
import { compact, trial, versionOf } from '../../server/rooms/workers/compaction.ts';
import type { Workers } from '../../server/rooms/workers/worker-pool.ts';

/** A task takes up to so long. */
const TASK_MS_MAX = 20;

export function inProcessWorkers(timers: Timers, random: () => number): Workers {
  const done = async <T>(task: () => T): Promise<T> => {
    await pause(timers, random() * TASK_MS_MAX);
    return task();
  };
  return {
    // Whoever calls may change its bytes afterwards: threads get copies.
    scan: (update, trust) => {
      const copy = update.slice();
      return done(() => scan(copy, trust));
    },
    compact: (parts) => done(() => compact(parts)),
    trial: (task) => done(() => trial(task, task.update, () => timers.now())),
    headOf: (chunks) => done(() => versionOf(chunks).encodeHead()),
    diff: ({ chunks, tail }, stateVector) =>
      done(() => {
        const clocks = readStateVector(stateVector, stateVector.length);
        if (clocks === null) throw new Error('malformed state vector');
        return diff([...chunks, ...tail], new Version(clocks));
      }),
    integrablePart: (update, version) => {
      const copies = { update: update.slice(), version: version.slice() };
      return done(() => {
        const known = Version.decode(copies.version);
        if (known === null) throw new Error('malformed version');
        return integrablePart(copies.update, known);
      });
    },
    outlines: (updates) => done(() => updates.map((update) => outline(update))),
    divide: (divisions) => done(() => divisions.map((division) => divide(division))),
  };
}

export function inProcessGzip(timers: Timers, random: () => number): Gzip {
  const later = (): Promise<void> => pause(timers, random() * TASK_MS_MAX);
  return {
    pack: async (bytes) => {
      const gzipped = new Uint8Array(gzipSync(bytes));
      await later();
      return gzipped;
    },
    unpack: async (gzipped, bytesMax) => {
      await later();
      try {
        return gunzipSync(gzipped, { maxOutputLength: Math.max(1, bytesMax) });
      } catch {
        return null;
      }
    },
  };
}
