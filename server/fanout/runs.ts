/** What a flush sends to other nodes. */
import { mergeInLevels } from '../protocol/merge-updates.ts';
import type { RelayedRun } from '../rooms/relay.ts';

/** Merging more than this in the turn of a flush would hold up the event loop. */
const MERGE_BYTES_MAX: number = 128 * 1024;

/** One message a flush, where that is cheap. */
export function merged(runs: readonly RelayedRun[]): readonly RelayedRun[] {
  const last = runs.at(-1);
  const bytes = runs.reduce((sum, run) => sum + run.bytes.length, 0);
  if (last === undefined || runs.length === 1 || bytes > MERGE_BYTES_MAX) return runs;
  return [{ bytes: mergeInLevels(runs.map((run) => run.bytes)), lastSeq: last.lastSeq }];
}
