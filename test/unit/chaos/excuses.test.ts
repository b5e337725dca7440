/** What looks wrong and is not: the checker must not cry wolf. */
import { describe, expect, it } from 'vitest';
import { check } from '../../../chaos/checker/check.ts';
import { HistoryIndex } from '../../../chaos/checker/history-index.ts';
import type { Expectations, Verdict } from '../../../chaos/checker/verdict.ts';
import type { HistoryEvent } from '../../../chaos/history/events.ts';
import { cleanHistory } from '../../support/clean-history.ts';
import { FULL_PLAN } from '../../support/clean-plan.ts';
import { hide, misread } from '../../support/history-edits.ts';
import { PLANTS } from '../../support/planted-anomalies.ts';
import { FINER_PLANTS } from '../../support/planted-details.ts';

const clean = cleanHistory(FULL_PLAN);

const of = (
  id: string,
  history: readonly HistoryEvent[] | null,
  expectations: Partial<Expectations> = {},
): Verdict => {
  const found = check(history ?? [], expectations).find((verdict) => verdict.id === id);
  if (found === undefined) throw new Error(`no verdict ${id}`);
  return found;
};

const planted = (name: string): HistoryEvent[] =>
  PLANTS[name]?.(clean) ?? FINER_PLANTS[name]?.(clean) ?? [];

function grown(rssBytes: number): HistoryEvent[] {
  return clean.map((event) =>
    event.f === 'resources' && event.phase === 'after'
      ? { ...event, gauges: { ...event.gauges, rssBytes, handles: 13 } }
      : event,
  );
}

/** 150 edits before the baseline's end, 150 after it. */
function edits(afterMs: number): HistoryEvent[] {
  const events: HistoryEvent[] = [];
  for (let n = 0; n < 300; n += 1) {
    const at = 1_000 + n * 10;
    const base = { f: 'add', op: `o${n}`, doc: 'calm', session: 's', proc: 'w', t: 0 } as const;
    const adds = [`w:e${n}`];
    events.push({ ...base, type: 'invoke', client: 1, node: 'a', adds, mono: at });
    const took = n < 150 ? 20 : afterMs;
    events.push({ ...base, type: 'ok', node: 'a', level: 'local', mono: at + took });
  }
  events.push({ f: 'mark', name: 'baseline-end', t: 0, proc: 'driver', mono: 1_000 + 1_499 });
  for (const doc of ['calm', 'busy']) {
    const content = { set: [], text: [], reg: {} };
    const read = {
      f: 'read',
      type: 'ok',
      doc,
      node: 'a',
      source: 'rest',
      phase: 'running',
    } as const;
    events.push({ ...read, content, invokedMono: 1, mono: 2, t: 0, proc: 'p' });
  }
  return events;
}

describe('what looks wrong and is not', () => {
  it('an addition that only its own node has, where nodes do not hold everything', () => {
    const local = misread(clean, (read, index) =>
      read.phase === 'final' && read.node === 'a'
        ? hide(index, read, ({ node }) => node === 'b')
        : null,
    );
    expect(of('K1', local).status).toBe('failed');
    expect(of('K1', local, { isFullyReplicated: false }).status).toBe('passed');
    const own = misread(clean, (read, index) =>
      read.phase === 'final' && read.node === 'b'
        ? hide(index, read, ({ node }) => node === 'b')
        : null,
    );
    expect(of('K1', own, { isFullyReplicated: false }).status).toBe('failed');
  });

  it('a slow ack while more than the bus was broken, or the connection was cut', () => {
    const late = planted('K12 an ack that never comes');
    expect(of('K12', late).status).toBe('failed');
    const cut = new HistoryIndex(clean).faults.find(({ scope }) => scope === 'bus');
    const disk = { f: 'fault', id: 'f9', name: 'slow disk', target: 'b', scope: 'disk' } as const;
    const stamp = { t: 0, proc: 'driver' };
    const both: HistoryEvent[] = [
      ...late,
      { ...stamp, ...disk, type: 'begin', mono: cut?.fromMono ?? 0 },
      { ...stamp, ...disk, type: 'proved', proof: 'slow', mono: cut?.fromMono ?? 0 },
      { ...stamp, ...disk, type: 'healed', mono: (cut?.toMono ?? 0) - 1 },
    ];
    expect(of('K12', both).status).not.toBe('failed');
    const op = of('K12', late).evidence[0];
    const invoke = late.find(
      (event) => event.f === 'add' && event.type === 'invoke' && event.op === op?.op,
    );
    if (invoke?.f !== 'add') throw new Error('no addition');
    const { session, mono } = invoke;
    const close = { f: 'close', session, connection: 'x', node: 'b', mono: mono + 5 } as const;
    expect(of('K12', [...late, { ...stamp, ...close }]).status).toBe('passed');
  });

  it('somebody who shows while still loading, and somebody who never came to the end of it', () => {
    const stamp = { t: 0, proc: 'e' };
    const place = { f: 'connect', node: 'a', doc: 'd' } as const;
    const [eve, bob] = ['eve', 'bob'].map((user) => {
      return { ...stamp, ...place, user, session: user, connection: `${user}/1` };
    });
    const seen = (users: readonly string[], mono: number): HistoryEvent => {
      return { ...stamp, f: 'presence', session: 'bob', node: 'a', doc: 'd', users, mono };
    };
    if (eve === undefined || bob === undefined) throw new Error('nobody');
    const loading: HistoryEvent[] = [
      { ...bob, type: 'invoke', mono: 0 },
      { ...bob, type: 'ok', mono: 1 },
      { ...eve, type: 'invoke', mono: 10 },
      seen(['bob', 'eve'], 20),
      seen(['bob'], 20_000),
    ];
    expect(of('K19', loading).status).toBe('passed');
    const loaded: HistoryEvent = { ...eve, type: 'ok', mono: 30 };
    expect(of('K19', [...loading, loaded]).evidence[0]?.text).toMatch(/bob does not see eve/);
    const early = seen(['bob', 'eve'], 5);
    expect(of('K19', [...loading, early]).evidence[0]?.text).toMatch(/still sees eve/);
  });

  it('an ack that is said again where that is the custom', () => {
    const again = planted('K15 an ack twice where each is said once').map((event) =>
      event.f === 'connect' ? { ...event, ackOnce: false } : event,
    );
    expect(of('K15', again).status).toBe('passed');
  });

  it('a read elsewhere that runs ahead of what the writer had seen', () => {
    const index = new HistoryIndex(clean);
    const ahead = clean.map((event) =>
      event.f === 'read' && event.node === 'c' && event.phase === 'running'
        ? { ...event, version: { sv: {} } }
        : event,
    );
    const own = [...index.operations.values()].filter(({ node }) => node === 'c');
    const verdict = of(
      'K14',
      ahead.filter((event) => !('op' in event) || own.every(({ op }) => op !== event.op)),
    );
    expect(verdict.status).toBe('passed');
    expect(verdict.counts['aheadElsewhere']).toBeGreaterThan(0);
  });

  it('a session that sees less on a node that lost its disk', () => {
    const less = planted('K10 a session that sees less');
    const read = of('K10', less).evidence[0];
    expect(read).toBeDefined();
    const lost: HistoryEvent[] = less.flatMap((event) => [
      event,
      ...(event.f === 'read' &&
      event.version !== undefined &&
      Object.keys(event.version.sv).length > 0
        ? [
            {
              f: 'node',
              type: 'disk-lost',
              node: event.node,
              region: 'eu',
              t: 0,
              proc: 'driver',
              mono: event.mono,
            } as const,
          ]
        : []),
    ]);
    expect(of('K10', lost).status).toBe('passed');
  });

  it('a gauge that grew by less than what is noise', () => {
    expect(of('K17', grown(90_000_000 * 1.05)).status).toBe('passed');
    expect(of('K17', grown(90_000_000 * 1.05 + 2 ** 21)).status).toBe('failed');
  });
});

describe("neighbours' latency", () => {
  it('may rise by a fifth or by ten milliseconds, not by more', () => {
    const neighbours = ['calm'];
    expect(of('K16', edits(29), { neighbours }).status).toBe('passed');
    expect(of('K16', edits(29), { neighbours }).counts['latenciesCompared']).toBe(1);
    const slow = of('K16', edits(31), { neighbours });
    expect(slow.status).toBe('failed');
    expect(slow.evidence[0]?.text).toBe('p99 of the ack in calm rose from 20.0 to 31.0 ms');
    expect(of('K16', edits(31)).notes?.join()).toContain('latency was not compared');
    expect(of('K16', edits(31).slice(200), { neighbours }).notes?.join()).toContain(
      'fewer than 100',
    );
  });
});
