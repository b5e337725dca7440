/** Snapshots on all nodes, plugged into the fan-out; only where every node stores everything. See snapshot-sync.ts. */
import type { MakePart } from './part.ts';
import { SnapshotSync } from './snapshot-sync.ts';

export interface SnapshotPart {
  readonly makePart: MakePart;
  /** For metrics. Null where snapshots stay on their node. */
  readonly counts: () => SnapshotCounts | null;
}

export type SnapshotCounts = Pick<SnapshotSync, 'taken' | 'buried' | 'refused' | 'waiting'>;

export function snapshotPart(): SnapshotPart {
  let sync: SnapshotSync | null = null;
  return {
    counts: () => sync,
    makePart: (scene) => {
      const { exchange, isFull, snapshots: replica, timers } = scene;
      if (!isFull || replica === null) return {};
      const failed = (doing: string, error: unknown): void => {
        scene.report({ type: 'failed', doing, error });
      };
      const running = new SnapshotSync({
        replica,
        timers,
        send: (message) => {
          exchange.send(message);
        },
        onError: failed,
      });
      sync = running;
      return {
        start: () => {
          running.start().catch((error: unknown) => {
            failed('reading which snapshots are stored', error);
          });
        },
        onMessage: (received) => {
          running.onMessage(received);
        },
        onPeer: ({ node }, change) => {
          if (change === 'joined' || change === 'restarted') running.greet(node);
          else running.lose(node);
        },
        onLink: ({ status }) => {
          if (status === 'up') running.linked();
        },
        onDeleted: (document) => {
          running.forget(document);
        },
        tick: () => {
          running.tick();
        },
        close: () => {
          running.close();
        },
      };
    },
  };
}
