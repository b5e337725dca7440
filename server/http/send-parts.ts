/**
 * Sends bytes as fast as their reader takes them: a slice at a time, so that many readers share one state and each
 * holds a slice of it. Who takes nothing for a while is let go. [I6]
 */
import type { ServerResponse } from 'node:http';
import type { TimerHandle, Timers } from '../rooms/timers.ts';

/** At 10 s of patience a line of 50 kbit/s is fast enough. */
const SLICE_BYTES_MIN = 64 * 1024;
/** What a fast line is given at once: 15 MB in slices of 64 KiB cost 18 ms of CPU, in these 10.5. */
const SLICE_BYTES_MAX = 1024 * 1024;
/** A slice that is taken within this time makes the next one twice as large. */
const FAST_MS = 100;

/** Resolves when all was handed over, or the reader is gone. */
export async function sendParts(
  response: ServerResponse,
  parts: readonly Uint8Array[],
  options: { readonly timers: Timers; readonly sendStallMs: number },
): Promise<void> {
  const { timers, sendStallMs } = options;
  let sliceBytes = SLICE_BYTES_MIN;
  for (const part of parts) {
    let start = 0;
    while (start < part.byteLength) {
      if (response.destroyed) return;
      const hasRoom = response.write(part.subarray(start, start + sliceBytes));
      start += sliceBytes;
      if (hasRoom) continue;
      const startedMs = timers.now();
      await drained(response, timers, sendStallMs);
      const isFast = timers.now() - startedMs < FAST_MS;
      sliceBytes = isFast ? Math.min(2 * sliceBytes, SLICE_BYTES_MAX) : SLICE_BYTES_MIN;
    }
  }
  response.end();
}

async function drained(
  response: ServerResponse,
  timers: Timers,
  sendStallMs: number,
): Promise<void> {
  if (response.destroyed) return;
  await new Promise<void>((resolve) => {
    const settle = (): void => {
      timers.clearTimeout(timer);
      response.off('drain', settle).off('close', settle);
      resolve();
    };
    const timer: TimerHandle = timers.setTimeout(() => {
      response.destroy();
      settle();
    }, sendStallMs);
    response.once('drain', settle).once('close', settle);
  });
}
