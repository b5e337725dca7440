/** A quiet room for 90 s: three times what the most impatient client waits for a word. Nobody reconnects. */
import { describe, expect, it } from 'vitest';
import { openClient } from '../../support/families.ts';
import { FAMILIES } from '../../support/family-client.ts';
import { startNode } from '../../support/in-process-node.ts';
import { waitUntil } from '../../support/wait-until.ts';

const QUIET_MS = 90_000;

describe('a quiet room', () => {
  it(
    '[I10] keeps every client connected for 90 s, alone or not',
    { timeout: 120_000 },
    async () => {
      const { webSocketUrl } = await startNode();
      const clients = FAMILIES.flatMap((family) => [
        // Alone nothing comes from others, such as the renewal of a cursor every 15 s.
        openClient(family, webSocketUrl, `alone-${family.replaceAll(/[^a-z0-9]/g, '-')}`),
        openClient(family, webSocketUrl, 'together'),
      ]);
      await waitUntil('everybody is there', () => clients.every(({ isSynced }) => isSynced));
      // No cursors: half of these would keep the other half awake.
      for (const { awareness } of clients) awareness.setLocalState(null);
      const startMs = performance.now();
      await waitUntil('90 s', () => performance.now() - startMs > QUIET_MS, QUIET_MS + 10_000);
      for (const { family, sockets } of clients) {
        expect({ family, opened: sockets.opened }).toEqual({ family, opened: 1 });
      }
      for (const client of clients) client.insert(0, '.');
      await waitUntil('they still hear each other', () =>
        clients.every(({ text }) => text === '.' || text.length === FAMILIES.length),
      );
    },
  );
});
