/**
 * Makes a foreign Node process collect its garbage, through the inspector that the memory workloads start
 * every server with. Without it, resident memory is mostly a question of when V8 last felt like it: it moved
 * by more than what a thousand connections cost. Worker threads have heaps of their own and keep theirs.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { untilQuiet, untilSettled } from './process-stats.ts';
import type { RunningServer } from './servers.ts';

const QUIET_TIMEOUT_MS = 30_000;
const SETTLE_TIMEOUT_MS = 20_000;
const ANSWER_TIMEOUT_MS = 20_000;
/** Freed pages go back to the system some time after the collection that freed them: milliseconds. */
const BETWEEN_COLLECTIONS_MS = 500;

/** Resident memory of an idle server that holds no garbage: MiB. */
export async function settledMib(server: RunningServer): Promise<number> {
  await untilQuiet(server.pid, QUIET_TIMEOUT_MS);
  const inspector = new WebSocket(server.inspectorUrl);
  try {
    await answer(inspector, 'open');
    for (const id of [1, 2]) {
      inspector.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }));
      await answer(inspector, 'message');
      await delay(BETWEEN_COLLECTIONS_MS);
    }
  } finally {
    inspector.terminate();
  }
  return untilSettled(server.pid, SETTLE_TIMEOUT_MS);
}

async function answer(inspector: WebSocket, event: 'open' | 'message'): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the inspector is silent')), ANSWER_TIMEOUT_MS);
    inspector.once('error', reject);
    inspector.once(event, () => {
      clearTimeout(timer);
      inspector.off('error', reject);
      resolve();
    });
  });
}
