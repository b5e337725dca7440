/**
 * Delete sets by themselves, as Yjs encodes them at the end of an update: for callers who name what they have seen
 * deleted, because a state vector does not tell (deletes advance no clock).
 */
import { INLINE_SCAN_BYTES_MAX } from '../../protocol/limits.ts';
import { scan } from './scan.ts';
import { Version } from './version.ts';

/** Null for anything else. */
export function readDeleteSet(bytes: Uint8Array): Version | null {
  // An update without structs.
  const scanned = scan(Buffer.concat([Uint8Array.of(0), bytes]), 'stored');
  return scanned.isValid ? deletesOf(scanned.summary.deletes) : null;
}

/** What an update deletes, encoded; null where finding out would take long, or there is nothing. */
export function encodeDeletesOf(update: Uint8Array): Uint8Array | null {
  if (update.byteLength > INLINE_SCAN_BYTES_MAX) return null;
  const scanned = scan(update, 'stored');
  if (!scanned.isValid || scanned.summary.deletes.length === 0) return null;
  return deletesOf(scanned.summary.deletes).encodeDeletesAsUpdate().subarray(1);
}

function deletesOf(deletes: readonly number[]): Version {
  const version = new Version();
  version.addDeletes(deletes);
  return version;
}
