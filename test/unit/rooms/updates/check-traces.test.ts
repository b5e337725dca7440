/** Recorded sessions are honest: none of their updates may be refused, and the version follows the document. */
import * as Y from 'yjs';
import { describe, expect, test } from 'vitest';
import { check } from '../../../../server/rooms/updates/check.ts';
import { scan } from '../../../../server/rooms/updates/scan.ts';
import { Version } from '../../../../server/rooms/updates/version.ts';
import { cpuMsOf } from '../../../support/cpu-time.ts';
import { versionOf } from '../../../support/docs.ts';
import { findTraceOrType, replayTrace } from '../../../support/traces.ts';

/** How often the version is compared with the document on the way. */
const COMPARISONS = 40;

function take(update: Uint8Array, version: Version): void {
  const verdict = check(update, version);
  if (verdict.kind === 'new') version.apply(verdict.summary);
}

describe.each(['sveltecomponent', 'friendsforever', 'friendsforever_flat', 'automerge-paper'])(
  '%s',
  (name) => {
    test('every update is new, and the version is that of the document all along', () => {
      const updates = [...replayTrace(findTraceOrType(name, 1, 20_000))].map(
        ({ update }) => update,
      );
      const every = Math.ceil(updates.length / COMPARISONS);
      const version = new Version();
      const doc = new Y.Doc();
      for (let from = 0; from < updates.length; from += every) {
        doc.transact(() => {
          for (const update of updates.slice(from, from + every)) {
            const verdict = check(update, version);
            if (verdict.kind !== 'new') throw new Error(`${name}: an update is ${verdict.kind}`);
            version.apply(verdict.summary);
            Y.applyUpdate(doc, update);
          }
        });
        expect(version.equals(versionOf(doc))).toBe(true);
      }
      // Who comes back sends everything once more.
      expect(check(Y.encodeStateAsUpdate(doc), version).kind).toBe('redundant');
    });
  },
);

test('a keystroke is scanned, checked and applied in about a microsecond', () => {
  const updates = [...replayTrace(findTraceOrType('automerge-paper', 1, 50_000))].map(
    ({ update }) => update,
  );
  const measure = (work: (update: Uint8Array) => void): number =>
    (cpuMsOf(() => {
      for (const update of updates) work(update);
    }) *
      1e6) /
    updates.length;
  const warm = new Version();
  measure((update) => take(update, warm));
  const version = new Version();
  const scanNs = measure((update) => scan(update));
  const checkNs = measure((update) => take(update, version));
  process.stderr.write(
    `${updates.length} keystrokes: scan ${scanNs.toFixed(0)} ns, check and apply ${checkNs.toFixed(0)} ns\n`,
  );
  // Ten times what it takes on a machine that does nothing else.
  expect(checkNs).toBeLessThan(5_000);
});
