// The sessions of real people, keystroke by keystroke, through a real node: what the product is for.
import { describe, expect, it } from 'vitest';
import { replay } from '../replay/replay.ts';
import { findTraceOrType } from '../support/traces.ts';

const SESSIONS = ['automerge-paper', 'sveltecomponent', 'friendsforever_flat', 'friendsforever'];
const SEED = 2;
/** Edits of the seeded typist, where there are no recordings. */
const FALLBACK_EDITS = 20_000;
/** The longest has 259,778 edits: about half a minute on two cores. */
const TIMEOUT_MS = 240_000;
const RUNS_MAX = 5;

describe('All four traces replayed end with endContent, live and after a restart', () => {
  it.each(SESSIONS)(
    '%s',
    async (name) => {
      const trace = findTraceOrType(name, SEED, FALLBACK_EDITS);
      const report = await replay({ trace, watchers: 1, dueAtMs: null, url: null });
      expect(report).toMatchObject({
        authors: trace.agents,
        isWatchedEqual: true,
        isLiveEqual: true,
        isRestartedEqual: true,
      });
      // Every edit was acknowledged before the node was killed.
      expect(report.ackMs).not.toBeNull();
    },
    TIMEOUT_MS,
  );

  it(
    'friendsforever with two concurrent clients',
    async () => {
      const trace = findTraceOrType('friendsforever', SEED, FALLBACK_EDITS);
      // Which edits cross on the wire is up to the machine: a run in which none did proves too little, so it is
      // played again. Every run must end with the right text.
      let crossed = 0;
      for (let run = 0; run < RUNS_MAX && crossed === 0; run += 1) {
        const report = await replay({ trace, watchers: 0, dueAtMs: null, url: null });
        expect(report).toMatchObject({ isLiveEqual: true, isRestartedEqual: true });
        if (trace.kind !== 'concurrent') return;
        expect(report.authors).toBe(2);
        crossed = report.concurrentEdits;
      }
      expect(crossed).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});
