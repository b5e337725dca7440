/** F62 to F67: single messages of the bus, as a proxy that reads Redis' protocol can lose, double, delay and damage them. */
import type { BusKind, BusMessage } from '../proxies/bus-message.ts';
import type { BusRule, Fate } from '../proxies/bus-tap.ts';
import type { Random } from '../random.ts';
import type { Stage } from '../stage/stage.ts';
import type { Fault } from './fault.ts';

interface MessageFault {
  readonly id: string;
  readonly name: string;
  /** What is done to them, for the proof. */
  readonly counted: 'dropped' | 'duplicated' | 'delayed' | 'corrupted';
  readonly decide: (message: BusMessage | null) => Fate | null;
}

function messageFault(stage: Stage, { id, name, counted, decide }: MessageFault): Fault {
  const taps = stage.seats.flatMap(({ busLinks }) => busLinks.map(({ tap }) => tap));
  // Taps count for all rules together: other faults may be under way.
  let happened = 0;
  const rule: BusRule = {
    decide: (message) => {
      const fate = decide(message);
      if (fate !== null) happened += 1;
      return fate;
    },
  };
  return {
    id,
    name,
    scope: 'bus',
    targets: stage.seats.flatMap(({ busLinks }) => busLinks.map(({ link }) => link.name)),
    inject: async () => {
      happened = 0;
      for (const tap of taps) tap.rules = [...tap.rules, rule];
      await Promise.resolve();
    },
    heal: async () => {
      for (const tap of taps) tap.rules = tap.rules.filter((other) => other !== rule);
      await Promise.resolve();
    },
    prove: () => (happened > 0 ? `${happened} messages ${counted}` : null),
  };
}

/** Messages of nodes; a probe is part of the link's health, not of what is said. */
function chance(random: Random, percent: number, fate: Fate): MessageFault['decide'] {
  return (message) => (message !== null && random.below(100) < percent ? fate : null);
}

export function duplicates(stage: Stage, random: Random, percent: number): Fault {
  return messageFault(stage, {
    id: 'F62',
    name: `the bus says ${percent}% of messages twice`,
    counted: 'duplicated',
    decide: chance(random, percent, { do: 'duplicate' }),
  });
}

/** Each message waits for a random part of the window: at 50 messages a second a second holds 50 of them. */
export function reorders(stage: Stage, random: Random, windowMs: number): Fault {
  return messageFault(stage, {
    id: 'F63',
    name: `the bus mixes up the order within ${windowMs} ms`,
    counted: 'delayed',
    decide: (message) =>
      message === null ? null : { do: 'delay', delayMs: random.below(windowMs) },
  });
}

export function drops(
  stage: Stage,
  random: Random,
  percent: number,
  kind: BusKind | null = null,
): Fault {
  return messageFault(stage, {
    id: 'F64',
    name: `the bus drops ${percent}% of ${kind === null ? 'messages' : `messages of kind ${kind}`}`,
    counted: 'dropped',
    decide: (message) =>
      message !== null && (kind === null || message.kind === kind) && random.below(100) < percent
        ? { do: 'drop' }
        : null,
  });
}

/** No clock tells of what is lost here: only deletions, which advance none. */
export function dropsDeletes(stage: Stage): Fault {
  return messageFault(stage, {
    id: 'F65',
    name: 'the bus drops updates that only delete',
    counted: 'dropped',
    decide: (message) => (message?.isDeleteOnly === true ? { do: 'drop' } : null),
  });
}

/** Every update while it lasts: begun before the last edits, ended before the silence. */
export function dropsUpdates(stage: Stage): Fault {
  return messageFault(stage, {
    id: 'F66',
    name: 'the bus drops the last updates before silence',
    counted: 'dropped',
    decide: (message) => (message?.kind === 'update' ? { do: 'drop' } : null),
  });
}

export function corrupts(stage: Stage, random: Random, percent: number): Fault {
  return messageFault(stage, {
    id: 'F67',
    name: `the bus flips a bit in ${percent}% of messages`,
    counted: 'corrupted',
    decide: chance(random, percent, { do: 'corrupt' }),
  });
}
