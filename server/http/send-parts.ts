/**
 * Sends bytes as fast as their reader takes them: a slice at a time, so that many readers share one state and each
 * holds a slice of it. Who takes nothing for a while is let go. [I6]
 */
import type { ServerResponse } from 'node:http';
import type { TimerHandle, Timers } from '../rooms/timers.ts';

/** At 10 s of patience a line of 50 kbit/s is fast enough. */
const SLICE_BYTES = 64 * 1024;

/** Resolves when all was handed over, or the reader is gone. */
export async function sendParts(
  response: ServerResponse,
  parts: readonly Uint8Array[],
  options: { readonly timers: Timers; readonly sendStallMs: number },
): Promise<void> {
  for (const part of parts) {
    for (let start = 0; start < part.byteLength; start += SLICE_BYTES) {
      if (response.destroyed) return;
      const hasRoom = response.write(part.subarray(start, start + SLICE_BYTES));
      if (!hasRoom) await drained(response, options.timers, options.sendStallMs);
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
