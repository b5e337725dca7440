import * as Y from 'yjs';
import { describe, expect, test } from 'vitest';
import {
  TRACE_TEXT,
  findTraceOrType,
  replayTrace,
  seededTypist,
  type Trace,
} from '../../support/traces.ts';

function merge(trace: Trace): Y.Doc {
  const doc = new Y.Doc();
  doc.transact(() => {
    for (const { update } of replayTrace(trace)) Y.applyUpdate(doc, update);
  });
  return doc;
}

describe('recorded sessions', () => {
  test('one author: replaying the updates gives the recorded text', () => {
    const trace = findTraceOrType('sveltecomponent', 1, 20_000);
    expect(merge(trace).getText(TRACE_TEXT).toJSON()).toBe(trace.endContent);
  });

  test('two authors at once: all updates integrate in the order in which they come, into a text of the recorded length', () => {
    const trace = findTraceOrType('friendsforever', 2, 20_000);
    const doc = merge(trace);
    expect(doc.store.pendingStructs).toBeNull();
    expect(doc.store.pendingDs).toBeNull();
    expect(doc.getText(TRACE_TEXT).length).toBe(trace.endContent.length);
  });

  test('the seeded typist is the same person twice, and its updates give its text', () => {
    const trace = seededTypist(7, 3_000);
    expect(seededTypist(7, 3_000)).toEqual(trace);
    expect(seededTypist(8, 3_000)).not.toEqual(trace);
    expect(merge(trace).getText(TRACE_TEXT).toJSON()).toBe(trace.endContent);
  });
});
