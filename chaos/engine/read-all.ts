/** Every document on every node, by REST and by a fresh client. `isolated`: alone with its disk, which is timed: K9. */
import type { HistoryRecorder } from '../history/recorder.ts';
import { readFresh, timedRead, type NodeAddress } from './observer.ts';

export async function readAll(
  recorder: HistoryRecorder,
  nodes: readonly NodeAddress[],
  docs: readonly string[],
  phase: 'settled' | 'final',
  isolated: boolean,
): Promise<void> {
  for (const at of nodes) {
    for (const doc of docs) {
      const read = { at, doc, phase, isolated };
      const { fact: byRest, answeredMs } = await timedRead(read);
      recorder.record('driver', byRest);
      if (isolated) {
        recorder.record('driver', {
          f: 'open',
          type: byRest.type,
          node: at.node,
          doc,
          durationMs: answeredMs,
          ...(byRest.hasPending === undefined ? {} : { hasPending: byRest.hasPending }),
          ...(byRest.type === 'fail' ? { reason: `${byRest.status} ${byRest.code}` } : {}),
        });
      }
      recorder.record('driver', await readFresh(read));
    }
  }
}
