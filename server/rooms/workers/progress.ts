/**
 * How far a compaction has come, in memory that both threads see: when the deadline kills the worker, the
 * pool reads from here which update it was at, or which had taken longest by then. Written by the worker,
 * read after its death; torn values are not possible for aligned 8-byte floats on the platforms of Node.
 */

/** Slots: the update in hand and since when; the slowest one so far and how long it took. */
const CURRENT = 0;
const SINCE_MS = 1;
const SLOWEST = 2;
const SLOWEST_MS = 3;
const SLOTS = 4;

const NONE = -1;

export function createProgress(): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(SLOTS * Float64Array.BYTES_PER_ELEMENT);
  const slots = new Float64Array(buffer);
  slots[CURRENT] = NONE;
  slots[SLOWEST] = NONE;
  return buffer;
}

/** The worker begins with an update of the tail; null: with a part of the base. */
export function markUpdate(buffer: SharedArrayBuffer, index: number | null): void {
  const nowMs = sharedNowMs();
  const slots = new Float64Array(buffer);
  const tookMs = nowMs - (slots[SINCE_MS] as number);
  if (slots[CURRENT] !== NONE && tookMs > (slots[SLOWEST_MS] as number)) {
    slots[SLOWEST] = slots[CURRENT] as number;
    slots[SLOWEST_MS] = tookMs;
  }
  slots[SINCE_MS] = nowMs;
  slots[CURRENT] = index ?? NONE;
}

/** The update that most of the time went into, or null if that was none of the tail. */
export function slowestUpdate(
  buffer: SharedArrayBuffer,
): { readonly index: number; readonly durationMs: number } | null {
  const slots = new Float64Array(buffer);
  const current = slots[CURRENT] as number;
  const currentMs = current === NONE ? 0 : sharedNowMs() - (slots[SINCE_MS] as number);
  const slowestMs = slots[SLOWEST_MS] as number;
  if (currentMs === 0 && slowestMs === 0) return null;
  return currentMs > slowestMs
    ? { index: current, durationMs: currentMs }
    : { index: slots[SLOWEST] as number, durationMs: slowestMs };
}

/** `performance.now()` counts from the start of its own thread. */
function sharedNowMs(): number {
  return performance.timeOrigin + performance.now();
}
