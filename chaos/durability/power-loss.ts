/**
 * What power loss leaves of a log: everything up to the last ack, and of what was written after it some part, with zeros or
 * garbage or nothing behind. Only the log that was being written can be cut; if it is another one by now nothing is done.
 */
import { appendFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../random.ts';
import { newestLog, restoreWitness, type Durable } from './life.ts';

const TAIL_BYTES_MAX = 600;
const TAIL_BYTES_LONG = 70_000;

export interface Cut {
  readonly cutBytes: number;
  readonly tail: string;
}

/** Null: there was nothing to cut. */
export function cutLog(
  folder: string,
  { log, bytes, witness }: Durable,
  random: Random,
): Cut | null {
  if (newestLog(folder) !== log) return null;
  const path = join(folder, log);
  const { size } = statSync(path);
  if (size < bytes) return null;
  const keep = bytes + random.below(size - bytes + 1);
  truncateSync(path, keep);
  const length = random.below(random.oneIn(4) ? TAIL_BYTES_LONG : TAIL_BYTES_MAX);
  const tail = random.pick(['nothing', 'zeros', 'garbage'] as const);
  if (tail === 'zeros') appendFileSync(path, Buffer.alloc(length));
  if (tail === 'garbage') {
    appendFileSync(
      path,
      Uint8Array.from({ length }, () => random.below(256)),
    );
  }
  // A witness that was written after the last ack may not be there yet.
  writeFileSync(restoreWitness(folder), witness);
  return { cutBytes: size - keep, tail: tail === 'nothing' ? tail : `${length} bytes of ${tail}` };
}
