/** F50 to F56, F60, F61, F32: what happens to links, seen by the bytes that did not get through. */
import { connect } from 'node:net';
import type { Random } from '../random.ts';
import type { LinkProxy } from '../proxies/link-proxy.ts';
import type { BusLink, Seat } from '../stage/seat.ts';
import { NamespaceHost } from '../stage/host.ts';
import type { Stage } from '../stage/stage.ts';
import type { Fault } from './fault.ts';

function dropped(links: readonly LinkProxy[]): number {
  return links.reduce(
    (total, link) =>
      total + link.lane('up').counts.droppedBytes + link.lane('down').counts.droppedBytes,
    0,
  );
}

function sum(links: readonly BusLink[], of: (link: BusLink) => number): number {
  return links.reduce((total, link) => total + of(link), 0);
}

/** Two ways: nothing passes between a node and any Redis, and nobody is told. */
export function partition(seat: Seat, id: string = 'F50'): Fault {
  return cutLinks(id, `${seat.id} is cut off from every Redis, both ways`, seat.busLinks);
}

const UNREACHABLE_MS = 500;

/** The network of a node's host is gone, for the bus and for clients: packets vanish, and nobody is told. */
export function hostCut(seat: Seat): Fault {
  const { host } = seat;
  if (!(host instanceof NamespaceHost)) throw new Error(`${seat.id} has no host of its own`);
  let said: string | null = null;
  return {
    id: 'F50',
    name: `the host of ${seat.id} loses its network`,
    scope: 'process',
    targets: [seat.clientLink.name, ...seat.busLinks.map(({ link }) => link.name)],
    inject: async () => {
      host.set('down');
      said = await whyUnreachable(host.address, seat.port);
    },
    heal: async () => {
      host.set('up');
      await Promise.resolve();
    },
    prove: () => (said === null ? null : `nobody reaches ${host.address}: ${said}`),
  };
}

async function whyUnreachable(host: string, port: number): Promise<string | null> {
  const socket = connect({ host, port, timeout: UNREACHABLE_MS });
  return await new Promise((resolve) => {
    socket.once('connect', () => {
      resolve(null);
    });
    socket.once('timeout', () => {
      resolve(`no answer in ${UNREACHABLE_MS} ms`);
    });
    socket.once('error', ({ message }) => {
      resolve(message);
    });
  }).then((said) => {
    socket.destroy();
    return said as string | null;
  });
}

/** Region split: each side has its own Redis, and the way to the other one is gone. */
export function regionSplit(stage: Stage): Fault {
  const links = stage.seats.flatMap(({ region, busLinks }) =>
    busLinks.filter((link) => link.region !== region),
  );
  return cutLinks('F53', 'regions cut apart: each hears its own Redis only', links);
}

function cutLinks(id: string, name: string, busLinks: readonly BusLink[]): Fault {
  const links = busLinks.map(({ link }) => link);
  let before = 0;
  return {
    id,
    name,
    scope: 'bus',
    targets: links.map((link) => link.name),
    inject: async () => {
      before = dropped(links);
      for (const link of links) link.cut();
      await Promise.resolve();
    },
    heal: async () => {
      for (const link of links) link.heal();
      await Promise.resolve();
    },
    prove: () => {
      const bytes = dropped(links) - before;
      return bytes > 0 ? `${bytes} bytes vanished` : null;
    },
  };
}

/** One way: it hears the others, and what it publishes goes nowhere, though Redis says that all is well. */
export function mute(seat: Seat): Fault {
  const before = sum(seat.busLinks, ({ tap }) => tap.counts.muted);
  return {
    id: 'F51',
    name: `${seat.id} hears, and nobody hears it`,
    scope: 'bus',
    targets: seat.busLinks.map(({ link }) => link.name),
    inject: async () => {
      for (const { tap } of seat.busLinks) tap.isMuted = true;
      await Promise.resolve();
    },
    heal: async () => {
      for (const { tap } of seat.busLinks) tap.isMuted = false;
      await Promise.resolve();
    },
    prove: () => {
      const muted = sum(seat.busLinks, ({ tap }) => tap.counts.muted) - before;
      return muted > 0 ? `${muted} messages were published into nowhere` : null;
    },
  };
}

/** The other way: it publishes, and every message to it vanishes; pings are answered. */
export function deafen(seat: Seat): Fault {
  const rule = { decide: () => ({ do: 'drop' }) as const };
  const before = sum(seat.busLinks, ({ tap }) => tap.counts.dropped);
  return {
    id: 'F52',
    name: `${seat.id} is heard, and hears nobody`,
    scope: 'bus',
    targets: seat.busLinks.map(({ link }) => link.name),
    inject: async () => {
      for (const { tap } of seat.busLinks) tap.rules = [rule];
      await Promise.resolve();
    },
    heal: async () => {
      for (const { tap } of seat.busLinks) tap.rules = [];
      await Promise.resolve();
    },
    prove: () => {
      const count = sum(seat.busLinks, ({ tap }) => tap.counts.dropped) - before;
      return count > 0 ? `${count} messages to it were dropped` : null;
    },
  };
}

const UP_MS = 100;
const DOWN_MS = 400;

/** Up for 100 ms, down for 400 ms. */
export function flapping(seat: Seat): Fault {
  const links = seat.busLinks.map(({ link }) => link);
  let timer: NodeJS.Timeout | null = null;
  let cycles = 0;
  const goDown = (): void => {
    cycles += 1;
    for (const link of links) {
      link.refuse(true);
      link.resetAll();
    }
    timer = setTimeout(() => {
      for (const link of links) link.refuse(false);
      timer = setTimeout(goDown, UP_MS);
    }, DOWN_MS);
  };
  return {
    id: 'F55',
    name: `${seat.id}'s links to Redis flap, ${UP_MS} ms up, ${DOWN_MS} ms down`,
    scope: 'bus',
    targets: links.map(({ name }) => name),
    inject: async () => {
      goDown();
      await Promise.resolve();
    },
    heal: async () => {
      if (timer !== null) clearTimeout(timer);
      for (const link of links) link.heal();
      await Promise.resolve();
    },
    prove: () => {
      const refused = links.reduce((total, link) => total + link.counts.refused, 0);
      const resets = links.reduce((total, link) => total + link.counts.resets, 0);
      return resets + refused > 0
        ? `${cycles} times down, ${resets} connections reset, ${refused} refused`
        : null;
    },
  };
}

export interface SlowLink {
  readonly id: string;
  readonly name: string;
  readonly links: readonly LinkProxy[];
  readonly scope: 'bus' | 'client';
  readonly delayMs: number;
  readonly jitterMs: number;
}

export function slow({ id, name, links, scope, delayMs, jitterMs }: SlowLink): Fault {
  const delayed = (): number =>
    links.reduce(
      (total, link) =>
        total + link.lane('up').counts.delayedPieces + link.lane('down').counts.delayedPieces,
      0,
    );
  let before = 0;
  return {
    id,
    name,
    scope,
    targets: links.map((link) => link.name),
    inject: async () => {
      before = delayed();
      for (const link of links) link.delay(delayMs, jitterMs);
      await Promise.resolve();
    },
    heal: async () => {
      for (const link of links) link.delay(0);
      await Promise.resolve();
    },
    prove: () => {
      const pieces = delayed() - before;
      return pieces > 0
        ? `${pieces} pieces came ${delayMs} to ${delayMs + jitterMs} ms late`
        : null;
    },
  };
}

/** A line of so many bytes a second to the clients of a node. */
export function narrow(link: LinkProxy, bytesPerSecond: number): Fault {
  const throttled = (): number => link.lane('down').counts.throttledPieces;
  let before = 0;
  return {
    id: 'F61',
    name: `${bytesPerSecond} bytes a second`,
    scope: 'client',
    targets: [link.name],
    inject: async () => {
      before = throttled();
      link.throttle('down', bytesPerSecond);
      await Promise.resolve();
    },
    heal: async () => {
      link.throttle('down', null);
      await Promise.resolve();
    },
    prove: () => {
      const pieces = throttled() - before;
      return pieces > 0 ? `${pieces} pieces were held back` : null;
    },
  };
}

/**
 * Packet loss as TCP shows it: now and then everything stands still for a retransmission timeout, and all comes at once.
 * Real loss needs netem, which needs root and a kernel that has it.
 */
export function stalls(links: readonly LinkProxy[], random: Random): Fault {
  const STALL_MS = 220;
  const timers = new Set<NodeJS.Timeout>();
  let count = 0;
  let isOn = false;
  const later = (ms: number, work: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, ms);
    timers.add(timer);
  };
  const stall = (link: LinkProxy): void => {
    if (!isOn) return;
    count += 1;
    const direction = random.oneIn(2) ? 'up' : 'down';
    link.set(direction, 'hold');
    later(STALL_MS, () => {
      link.set(direction, 'flow');
      later(random.below(1_000), () => {
        stall(link);
      });
    });
  };
  return {
    id: 'F60',
    name: `lost packets, as stalls of ${STALL_MS} ms`,
    scope: 'client',
    targets: links.map(({ name }) => name),
    inject: async () => {
      isOn = true;
      for (const link of links) stall(link);
      await Promise.resolve();
    },
    heal: async () => {
      isOn = false;
      for (const timer of timers) clearTimeout(timer);
      for (const link of links) link.heal();
      await Promise.resolve();
    },
    prove: () => {
      const held = links.reduce(
        (total, link) =>
          total + link.lane('up').counts.heldBytes + link.lane('down').counts.heldBytes,
        0,
      );
      return held > 0 ? `${count} stalls held up ${held} bytes` : null;
    },
  };
}

/** Every connection to a node is reset in the middle of a frame, again and again. */
export function midFrameCuts(seats: readonly Seat[], everyMs: number): Fault {
  let timer: NodeJS.Timeout | null = null;
  return {
    id: 'F71',
    name: 'connections of clients end in the middle of a frame',
    scope: 'client',
    targets: seats.map(({ clientLink }) => clientLink.name),
    inject: async () => {
      let turn = 0;
      timer = setInterval(() => {
        const seat = seats[turn % seats.length];
        seat?.clientLink.cutMidFrame(turn % 2 === 0 ? 'up' : 'down');
        turn += 1;
      }, everyMs);
      await Promise.resolve();
    },
    heal: async () => {
      if (timer !== null) clearInterval(timer);
      for (const { clientLink } of seats) clientLink.heal();
      await Promise.resolve();
    },
    prove: () => {
      const cuts = seats.reduce(
        (total, { clientLink }) =>
          total + clientLink.lane('up').counts.cutPieces + clientLink.lane('down').counts.cutPieces,
        0,
      );
      return cuts > 0 ? `${cuts} frames were cut` : null;
    },
  };
}
