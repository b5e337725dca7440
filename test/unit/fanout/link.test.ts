/** The state of a link, event by event. */
import { describe, expect, it } from 'vitest';
import { ECHO_TIMEOUT_MS } from '../../../server/fanout/bus.ts';
import { LinkState } from '../../../server/fanout/link.ts';

type Event =
  'subscribed' | 'lost' | 'publisher lost' | 'publisher ready' | 'echo' | 'soon' | 'late';

/** Plays events in order and returns the status after each; time passes only in `soon` and `late`. */
function play(events: readonly Event[], speaks = true): string[] {
  let nowMs = 100;
  const state = new LinkState(speaks, nowMs);
  return events.map((event) => {
    switch (event) {
      case 'subscribed':
        state.subscribed(nowMs);
        break;
      case 'lost':
        state.lost('silent', '', nowMs);
        break;
      case 'publisher lost':
        state.publisherLost('', nowMs);
        break;
      case 'publisher ready':
        state.publisherReady(nowMs);
        break;
      case 'echo':
        state.echoed(nowMs);
        break;
      case 'soon':
        nowMs += ECHO_TIMEOUT_MS - 1;
        state.tick(nowMs);
        break;
      case 'late':
        nowMs += ECHO_TIMEOUT_MS;
        state.tick(nowMs);
        break;
    }
    return `${event}: ${state.view.status}`;
  });
}

const up: readonly Event[] = ['subscribed', 'echo'];

describe('link', () => {
  const rows: readonly [string, readonly Event[], string][] = [
    ['is down at first', [], 'down'],
    ['is not up before its own probe came back', ['subscribed', 'soon'], 'down'],
    ['is up when its own probe came back', up, 'up'],
    ['is one-way when the first probe never comes', ['subscribed', 'late'], 'one-way'],
    ['stays up while probes come', [...up, 'soon', 'echo', 'soon'], 'up'],
    ['is one-way when probes stay away', [...up, 'late'], 'one-way'],
    ['is up again with the next probe', [...up, 'late', 'echo'], 'up'],
    ['is one-way at once when the publisher is lost', [...up, 'publisher lost'], 'one-way'],
    [
      'is one-way until a probe has come back',
      [...up, 'publisher lost', 'publisher ready', 'soon'],
      'one-way',
    ],
    [
      'is up when the publisher is back and heard',
      [...up, 'publisher lost', 'publisher ready', 'echo'],
      'up',
    ],
    ['is down when it hears nothing', [...up, 'lost'], 'down'],
    ['is down even when the publisher is lost later', [...up, 'lost', 'publisher lost'], 'down'],
    ['comes back from one-way through down', [...up, 'late', 'lost', 'subscribed', 'echo'], 'up'],
    ['takes no late probe for a sign of life', [...up, 'lost', 'echo'], 'down'],
    ['takes no probe while the publisher is away', [...up, 'publisher lost', 'echo'], 'one-way'],
    ['stays down without a subscription, however long', ['late', 'late'], 'down'],
  ];
  it.each(rows)('%s', (_claim, events, status) => {
    expect(play(events).at(-1)?.split(': ')[1] ?? 'down').toBe(status);
  });

  it('to another region is up once subscribed, and never one-way', () => {
    expect(play(['subscribed', 'late', 'lost'], false)).toEqual([
      'subscribed: up',
      'late: up',
      'lost: down',
    ]);
  });

  it('says since when and why, and takes a later reason for the same status', () => {
    const state = new LinkState(true, 5);
    expect(state.view).toEqual({ status: 'down', reason: 'starting', detail: '', sinceMs: 5 });
    expect(state.lost('refused', 'NOAUTH', 9)).toBe(false);
    expect(state.view).toEqual({ status: 'down', reason: 'refused', detail: 'NOAUTH', sinceMs: 5 });
    state.subscribed(10);
    expect(state.echoed(11)).toBe(true);
    expect(state.echoed(12)).toBe(false);
    expect(state.view.sinceMs).toBe(11);
  });
});
