/** Clocks that are apart are told of, once; and what tells of them disturbs no older or newer node. */
import * as encoding from 'lib0/encoding';
import { describe, expect, it, onTestFinished } from 'vitest';
import { APART_MS, CLOCK_TOPIC, clocksPart } from '../../../server/fanout/clocks.ts';
import { MemoryNetwork } from '../../../server/fanout/memory-bus.ts';
import type { FanoutEvent, FanoutPart, FanoutScene } from '../../../server/fanout/part.ts';
import { FanoutNode } from '../../support/fanout-node.ts';
import { seededRandom } from '../../support/random.ts';
import { VirtualTimers } from '../../support/virtual-timers.ts';

interface Pair {
  readonly timers: VirtualTimers;
  readonly nodes: readonly [FanoutNode, FanoutNode];
  /** Of the second one. */
  aheadMs: number;
  alarms(node: number): readonly boolean[];
}

async function pair(aheadMs: number): Promise<Pair> {
  const timers = new VirtualTimers();
  const dice = seededRandom(51);
  const random = (): number => dice.float();
  const network = new MemoryNetwork({ timers, random });
  const clock = { aheadMs };
  const start = async (node: string, aheadOf: () => number): Promise<FanoutNode> => {
    const regions = ['eu', 'us'];
    const region = node === 'a' ? 'eu' : 'us';
    const made = await FanoutNode.start({
      network,
      timers,
      random,
      node,
      region,
      regions,
      aheadMs: aheadOf,
    });
    onTestFinished(async () => {
      const ending = made.end();
      await timers.advance(1_000);
      await ending;
    });
    return made;
  };
  const nodes = [await start('a', () => 0), await start('b', () => clock.aheadMs)] as const;
  await timers.advance(20_000);
  const alarms = (node: number): readonly boolean[] =>
    (nodes[node]?.events ?? []).flatMap((event: FanoutEvent) =>
      event.type === 'clock' ? [event.isApart] : [],
    );
  return Object.assign(clock, { timers, nodes, alarms });
}

const shown = (node: FanoutNode): unknown => node.fanout.peers[0]?.clockDifferenceMs;

describe('F40 clocks of nodes', () => {
  it.each([
    ['ahead', 600_000],
    ['behind', -600_000],
  ])(
    'that are ten minutes %s are told of once on each side, and again when they agree',
    async (_which, aheadMs) => {
      const world = await pair(aheadMs);
      const [a, b] = world.nodes;
      expect([world.alarms(0), world.alarms(1)]).toEqual([[true], [true]]);
      expect(Math.abs((shown(a) as number) - aheadMs)).toBeLessThan(100);
      expect(Math.abs((shown(b) as number) + aheadMs)).toBeLessThan(100);
      expect(Math.abs(a.clocks.worstMs() - 600_000)).toBeLessThan(100);
      world.aheadMs = 0;
      await world.timers.advance(20_000);
      expect([world.alarms(0), world.alarms(1)]).toEqual([
        [true, false],
        [true, false],
      ]);
      expect(a.clocks.worstMs()).toBeLessThan(100);
    },
  );

  it('that are 25 s apart are shown, and nobody is woken', async () => {
    const world = await pair(25_000);
    expect([world.alarms(0), world.alarms(1)]).toEqual([[], []]);
    expect(world.nodes[0].clocks.worstMs()).toBeGreaterThan(24_900);
  });

  it('of a node that has left are forgotten', async () => {
    const world = await pair(600_000);
    await world.nodes[1].fanout.close(0);
    await world.timers.advance(100);
    expect(world.nodes[0].clocks.worstMs()).toBe(0);
    expect(shown(world.nodes[0])).toBeNull();
  });
});

function listening(): { readonly part: FanoutPart; readonly events: FanoutEvent[] } {
  const timers = new VirtualTimers();
  const events: FanoutEvent[] = [];
  const report = (event: FanoutEvent): void => {
    events.push(event);
  };
  const scene = { timers, report, exchange: {} } as unknown as FanoutScene;
  return { part: clocksPart().makePart(scene), events };
}

function say(part: FanoutPart, bytes: Uint8Array): void {
  part.onMessage?.({
    origin: 'a',
    epoch: '0'.repeat(16),
    region: 'eu',
    seq: 1,
    traceparent: null,
    message: { kind: 'application', document: null, topic: CLOCK_TOPIC, bytes },
  } as never);
}

const time = (ms: number, more: readonly number[] = []): Uint8Array =>
  encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, ms);
    encoding.writeUint8Array(encoder, Uint8Array.from(more));
  });

describe('a message about a clock', () => {
  it('that came late by itself wakes nobody, the next one may', () => {
    const { part, events } = listening();
    const far = new VirtualTimers().wallClock() - APART_MS - 1;
    say(part, time(far));
    expect(events).toEqual([]);
    say(part, time(far));
    expect(events).toMatchObject([{ type: 'clock', node: 'a', isApart: true }]);
  });

  it('of a newer build, which says more, is understood; one that says nothing is not', () => {
    const { part } = listening();
    say(part, new Uint8Array(0));
    say(part, Uint8Array.of(0xff));
    expect(part.clockDifferenceOf?.('a')).toBeNull();
    say(part, time(new VirtualTimers().wallClock() + 5, [1, 2, 3]));
    expect(part.clockDifferenceOf?.('a')).toBe(5);
  });
});
