/**
 * Nodes tell each other what their clocks say, every few seconds, so that somebody is told when one is wrong: nothing
 * here is ordered by wall clocks, but tokens expire by them, each node going by its own. [FAULTS F40]
 *
 * The time travels as an application message of no document, which older nodes ignore; what a newer one may append is
 * ignored here. A difference counts when two messages in a row show it: one that waited for half a minute in a process
 * that was stopped looks like a clock.
 */
import * as encoding from 'lib0/encoding';
import type { FanoutPart, FanoutScene, MakePart } from './part.ts';
import { readStart } from './reader.ts';

export const CLOCK_TOPIC = 'syncline/clock';
/** What is told of. Tokens are accepted CLOCK_TOLERANCE_MS (5 s) after their end. */
export const APART_MS = 30_000;
/** Ticks, of about a second. */
const TOLD_EVERY = 5;
const NODES_MAX = 1_024;

interface Clock {
  differenceMs: number;
  /** The message before this one showed the same. */
  wasApart: boolean;
  isApart: boolean;
}

export interface ClocksPart {
  readonly makePart: MakePart;
  /** By how much the clock of the living node that is furthest away differs; 0 if there is none. */
  worstMs(): number;
}

export function clocksPart(): ClocksPart {
  const clocks = new Map<string, Clock>();
  return {
    worstMs: () => {
      const differences = [...clocks.values()].map(({ differenceMs }) => Math.abs(differenceMs));
      return Math.max(0, ...differences);
    },
    makePart: (scene) => partOf(scene, clocks),
  };
}

function partOf(scene: FanoutScene, clocks: Map<string, Clock>): FanoutPart {
  const { exchange, timers } = scene;
  let ticks = 0;

  /** Positive: the clock of the other node is ahead. */
  function heard(node: string, theirsMs: number): void {
    if (!clocks.has(node) && clocks.size >= NODES_MAX) return;
    const differenceMs = theirsMs - timers.wallClock();
    const isFar = Math.abs(differenceMs) > APART_MS;
    const { wasApart = false, isApart: before = false } = clocks.get(node) ?? {};
    const isApart = isFar === wasApart ? isFar : before;
    clocks.set(node, { differenceMs, wasApart: isFar, isApart });
    if (isApart !== before) scene.report({ type: 'clock', node, differenceMs, isApart });
  }

  return {
    onMessage: ({ origin, message }) => {
      if (message.kind !== 'application' || message.topic !== CLOCK_TOPIC) return;
      const theirsMs = readStart(message.bytes, (reader) => reader.uint(Number.MAX_SAFE_INTEGER));
      if (theirsMs !== null) heard(origin, theirsMs);
    },
    onPeer: ({ node }, change) => {
      if (change !== 'joined') clocks.delete(node);
    },
    clockDifferenceOf: (node) => clocks.get(node)?.differenceMs ?? null,
    tick: () => {
      if (ticks % TOLD_EVERY === 0) {
        const nowMs = Math.max(0, Math.floor(timers.wallClock()));
        const bytes = encoding.encode((encoder) => {
          encoding.writeVarUint(encoder, nowMs);
        });
        exchange.send({ kind: 'application', document: null, topic: CLOCK_TOPIC, bytes });
      }
      ticks += 1;
    },
  };
}
