/** Does one version hold everything of another? What is missing is named, so that evidence can show it. */
import type { DeleteRanges, StateVector, Version } from '../history/events.ts';

/** Null: nothing is missing. Deletions are compared only where both sides tell them. */
export function missingOf(has: Version, wanted: Version): string | null {
  return (
    missingClock(has.sv, wanted.sv) ??
    (has.ds !== undefined && wanted.ds !== undefined ? missingDelete(has.ds, wanted.ds) : null)
  );
}

function missingClock(has: StateVector, wanted: StateVector): string | null {
  for (const [client, clock] of Object.entries(wanted)) {
    const own = has[client] ?? 0;
    if (own < clock) return `client ${client}: ${own} of ${clock}`;
  }
  return null;
}

function missingDelete(has: DeleteRanges, wanted: DeleteRanges): string | null {
  for (const [client, ranges] of Object.entries(wanted)) {
    const own = has[client] ?? [];
    let position = 0;
    for (const [clock, length] of ranges) {
      // Both sorted and merged: a range lies within one range, or it is not covered.
      while ((own[position]?.[0] ?? Infinity) + (own[position]?.[1] ?? 0) <= clock) position += 1;
      const [start, count] = own[position] ?? [Infinity, 0];
      if (start > clock || start + count < clock + length) {
        return `deletion of client ${client}, ${clock}–${clock + length - 1}`;
      }
    }
  }
  return null;
}
