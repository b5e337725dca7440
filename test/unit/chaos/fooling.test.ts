/** The ways in which a checker fools itself (and once did), each shut. */
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { check } from '../../../chaos/checker/check.ts';
import { HistoryIndex } from '../../../chaos/checker/history-index.ts';
import { measure } from '../../../chaos/checker/measure.ts';
import { canonicalState, versionOf } from '../../../chaos/history/canonical.ts';
import type { Content, HistoryEvent } from '../../../chaos/history/events.ts';
import { elementsIn, tokenOf } from '../../../chaos/history/shapes.ts';
import { cleanHistory } from '../../support/clean-history.ts';
import { FULL_PLAN } from '../../support/clean-plan.ts';
import { kept, withAlso, without } from '../../support/history-edits.ts';

const clean = (): HistoryEvent[] => cleanHistory(FULL_PLAN);

const statusOf = (history: readonly HistoryEvent[], id: string): string => {
  const verdict = check(history).find((each) => each.id === id);
  return `${verdict?.status}${verdict?.reason === undefined ? '' : `: ${verdict.reason}`}`;
};

const edited = (
  history: readonly HistoryEvent[],
  content: (content: Content) => Content,
): HistoryEvent[] =>
  history.map((event) =>
    event.f === 'read' && event.content !== undefined && event.doc === 'notes'
      ? { ...event, content: content(event.content) }
      : event,
  );

describe('operations whose outcome nobody knows', () => {
  it.each([true, false])(
    'may show or not (%s): neither lost nor a phantom',
    (isInterruptedKept) => {
      const history = cleanHistory({ ...FULL_PLAN, isInterruptedKept });
      const final = history.findLast((event) => event.f === 'read' && event.doc === 'notes');
      const shown = final?.f === 'read' ? final.content?.set : undefined;
      expect(shown?.includes('last:e1')).toBe(isInterruptedKept);
      expect(check(history).filter(({ status }) => status === 'failed')).toEqual([]);
    },
  );

  it('that delete, may have deleted: what they took is not missed, what they left is no surprise', () => {
    const history = clean();
    const addition = history.findLast(
      (event) =>
        event.f === 'add' &&
        event.type === 'invoke' &&
        event.doc === 'notes' &&
        event.proc !== 'last',
    );
    if (addition?.f !== 'add' || addition.type !== 'invoke') throw new Error('no addition');
    const id = addition.adds?.[0] ?? '';
    const del = { f: 'del', op: 'x', doc: 'notes', session: addition.session, node: null } as const;
    const stamp = { t: 0, mono: addition.mono + 0.5, proc: addition.proc };
    const deleting: HistoryEvent[] = [
      ...history,
      { ...stamp, ...del, type: 'invoke', client: addition.client, dels: [id] },
    ];
    expect(statusOf(deleting, 'K1')).toBe('passed');
    expect(statusOf(deleting, 'K2')).toBe('passed');
    const gone = edited(deleting, (content) => without(content, id));
    expect(statusOf(gone, 'K1')).toBe('passed');
    expect(statusOf(gone, 'K13')).toBe('passed');
  });
});

describe('a final state', () => {
  it('proves nothing while writers live, who would bring back what was lost', () => {
    const alive = clean().filter(
      (event) => event.f !== 'mark' || event.name !== 'writers-destroyed',
    );
    expect(statusOf(alive, 'K1')).toMatch(/^skipped: the writers were not destroyed/);
    expect(statusOf(alive, 'K2')).toMatch(/^skipped: the writers were not destroyed/);
    expect(statusOf(alive, 'K0')).toBe('failed');
  });

  it('that comes from memory is said to', () => {
    const running = clean().filter(
      (event) => event.f !== 'mark' || event.name !== 'nodes-restarted',
    );
    const verdict = check(running).find(({ id }) => id === 'K1');
    expect(verdict?.notes?.join()).toMatch(/what only memory held counts/);
  });

  it('that a peer may have repaired does not prove an ack honest', () => {
    const inCompany = clean().map((event) =>
      event.f === 'read' && event.source === 'disk' ? { ...event, source: 'rest' as const } : event,
    );
    expect(statusOf(inCompany, 'K11')).toMatch(/^skipped: no node was read by itself/);
  });

  it('that cannot be read is a loss, not a gap in the check', () => {
    const unread = clean().map((event) =>
      event.f === 'read' && event.phase === 'final' && event.node === 'b'
        ? { ...event, type: 'fail' as const, code: 'document-damaged' }
        : event,
    );
    expect(statusOf(unread, 'K1')).toBe('failed');
  });
});

describe('a lost disk', () => {
  it('ends what it alone had promised; that is counted and listed, not failed', () => {
    const history = clean();
    const id = kept(new HistoryIndex(history), 'notes', ({ acks }) => acks[0]?.level === 'local');
    const add = history.find(
      (event) => event.f === 'add' && event.type === 'invoke' && event.adds?.[0] === id,
    );
    const ok = history.find(
      (event) =>
        event.f === 'add' && event.type === 'ok' && add?.f === 'add' && event.op === add.op,
    );
    if (ok?.f !== 'add' || ok.type !== 'ok') throw new Error('no ack');
    const lost = [
      ...edited(history, (content) => without(content, id ?? '')),
      {
        f: 'node',
        type: 'disk-lost',
        node: ok.node,
        region: 'eu',
        t: 0,
        mono: ok.mono + 1,
        proc: 'driver',
      } as const,
    ];
    const verdict = check(lost).find((each) => each.id === 'K1');
    expect(verdict?.status).toBe('passed');
    expect(verdict?.counts['lostWithTheirDisk']).toBe(1);
    expect(verdict?.notes?.join()).toContain(ok.op);
  });
});

describe('healing', () => {
  it('is not judged when a client connected meanwhile', () => {
    const history = clean();
    const quiet = history.find((event) => event.f === 'mark' && event.name === 'quiet');
    const connect = history.find((event) => event.f === 'connect');
    if (quiet === undefined || connect?.f !== 'connect') throw new Error('no quiet');
    const helped = [...history, { ...connect, mono: quiet.mono + 1 }];
    expect(statusOf(helped, 'K6')).toMatch(/^skipped: it was not quiet: .* connected 1 ms after/);
  });

  it('is not judged when somebody edited meanwhile', () => {
    const history = clean();
    const quiet = history.find((event) => event.f === 'mark' && event.name === 'quiet');
    const edit = history.find((event) => event.f === 'add' && event.type === 'invoke');
    if (quiet === undefined || edit?.f !== 'add') throw new Error('no quiet');
    const helped = [...history, { ...edit, op: 'late', mono: quiet.mono + 1, adds: ['w0:late'] }];
    expect(statusOf(helped as HistoryEvent[], 'K6')).toMatch(/^skipped: .*edited 1 ms after/);
  });

  it('that was read late does not look like healing that took long', () => {
    const history = clean();
    const quiet = history.find((event) => event.f === 'mark' && event.name === 'quiet');
    const late = history.map((event) =>
      event.f === 'read' && event.phase !== 'running'
        ? { ...event, mono: event.mono + 20_000 }
        : event,
    );
    expect(quiet).toBeDefined();
    expect(statusOf(late, 'K5')).toBe('passed');
  });
});

describe('an undo', () => {
  it('may bring back what was deleted, and its ack counts again', () => {
    const history = clean();
    const del = history.find(
      (event) => event.f === 'del' && event.type === 'invoke' && event.doc === 'notes',
    );
    if (del?.f !== 'del' || del.type !== 'invoke') throw new Error('no deletion');
    const id = del.dels?.[0] ?? '';
    const { t, proc, doc, session, client, node } = del;
    const base = { f: 'undo', op: 'back', doc, session, t, proc } as const;
    const undone: HistoryEvent[] = [
      ...edited(history, (content) => withAlso(content, id)),
      { ...base, type: 'invoke', client, node, adds: [id], mono: del.mono + 10 },
      { ...base, type: 'ok', node: node ?? '', level: 'local', mono: del.mono + 11 },
    ];
    expect(statusOf(undone, 'K2')).toBe('passed');
    const lost = undone.map((event) =>
      event.f === 'read' && event.phase === 'final' && event.content !== undefined
        ? { ...event, content: without(event.content, id) }
        : event,
    );
    expect(statusOf(lost, 'K1')).toBe('failed');
  });
});

function replicas(): [Y.Doc, Y.Doc] {
  const [a, b] = [new Y.Doc(), new Y.Doc({ gc: false })];
  a.clientID = 1;
  b.clientID = 2;
  a.getMap('reg').set('z', 1);
  b.getMap('reg').set('a', 2);
  a.getArray('set').push(['c1:1', 'c1:2']);
  b.getText('text').insert(0, tokenOf('c2:1') + tokenOf('c2:2'));
  return [a, b];
}

describe('a canonical state', () => {
  it('is the same whatever order updates and keys came in, and whether deletions were kept', () => {
    const [a, b] = replicas();
    const undo = new Y.UndoManager(b.getText('text'));
    const first = Y.encodeStateAsUpdate(a);
    Y.applyUpdate(a, Y.encodeStateAsUpdate(b));
    Y.applyUpdate(b, first);
    b.getText('text').delete(0, tokenOf('c2:1').length);
    b.getArray('set').delete(0, 1);
    Y.applyUpdate(a, Y.encodeStateAsUpdate(b, Y.encodeStateVector(a)));
    expect(Y.encodeStateAsUpdate(a)).not.toEqual(Y.encodeStateAsUpdate(b));
    expect(canonicalState(Y.encodeStateAsUpdate(a)).layers).toEqual(
      canonicalState(Y.encodeStateAsUpdate(b)).layers,
    );
    undo.destroy();
  });

  it('tells a deletion apart that changes no state vector', () => {
    const [a] = replicas();
    const before = canonicalState(Y.encodeStateAsUpdate(a));
    a.getArray('set').delete(0, 1);
    const after = canonicalState(Y.encodeStateAsUpdate(a));
    expect(after.layers.sv).toBe(before.layers.sv);
    expect(after.layers.ds).not.toBe(before.layers.ds);
    expect(after.layers.canon).not.toBe(before.layers.canon);
    expect(after.content.set).toEqual(['c1:2']);
    expect(versionOf(a, true)).toEqual(after.version);
  });

  it('says that parts are missing', () => {
    const [a] = replicas();
    const before = Y.encodeStateVector(a);
    a.getArray('set').push(['c1:3']);
    expect(canonicalState(Y.encodeStateAsUpdate(a, before)).hasPending).toBe(true);
    expect(canonicalState(Y.encodeStateAsUpdate(a)).hasPending).toBe(false);
  });

  it('shows text that is no whole token as torn', () => {
    expect(elementsIn(`${tokenOf('c1:1')}⟦c2${tokenOf('c1:2')}`)).toEqual([
      'c1:1',
      'c1:2',
      'torn:⟦c2',
    ]);
  });
});

describe('figures', () => {
  it('bound what a clean run can claim: three over the number of crashes', () => {
    const figures = measure(clean());
    expect(figures.crashes).toBe(1);
    expect(figures.lossRateMax).toBe(3);
    expect(figures.faultsProven).toBe(2);
    expect(measure([]).lossRateMax).toBeNull();
  });

  it('count acks that were checked, and what nobody knows', () => {
    const figures = measure(clean());
    expect(figures.acksChecked + figures.unknown + 1).toBe(figures.ops);
    expect(figures.unknown).toBeGreaterThan(0);
    expect(figures.ackLatency['local']).toMatchObject({ p50: 3, max: 3 });
    expect(figures.ackToVisible?.max).toBeGreaterThan(1_000);
    expect(figures.convergeMs).toBeGreaterThan(0);
    expect(figures.bins.reduce((sum, { acks }) => sum + acks, 0)).toBe(figures.acksChecked);
  });
});
