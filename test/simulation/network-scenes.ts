/** What may go wrong between nodes: messages that are lost, late or come twice, and links that are cut. */
import type { Random } from '../support/random.ts';
import { during, upNode, type Act, type Scene } from './scene.ts';
import type { Loss, Stage } from './stage.ts';

/** Two regions, or twice the only one: its own transport. */
function link({ stage, random }: Act): [string, string] {
  const from = random.pick(stage.regions);
  const others = stage.regions.filter((region) => region !== from);
  return [from, others.length === 0 || random.oneIn(4) ? from : random.pick(others)];
}

function network(faults: (random: Random) => Record<string, number>): Scene['play'] {
  return (act) => {
    const { stage, random } = act;
    const [from, to] = link(act);
    const set = faults(random);
    during(
      act,
      `${from}→${to} ${JSON.stringify(set)}`,
      () => {
        stage.setFaults(from, to, set);
      },
      () => {
        stage.setFaults(from, to, {});
      },
    );
  };
}

function losing(loss: Loss): Scene['play'] {
  return (act) => {
    during(
      act,
      loss,
      () => {
        act.stage.loss = loss;
      },
      () => {
        act.stage.loss = 'nothing';
      },
    );
  };
}

function oneWay(set: (net: Stage['network'], name: string, isOn: boolean) => void): Scene['play'] {
  return (act) => {
    const { name } = upNode(act);
    const { network: net } = act.stage;
    during(
      act,
      name,
      () => {
        set(net, name, true);
      },
      () => {
        set(net, name, false);
      },
    );
  };
}

export const NETWORK_SCENES: readonly Scene[] = [
  {
    name: 'F64 messages are dropped',
    weight: 6,
    isSilent: true,
    scope: 'bus',
    play: network((random) => ({ drop: random.pick([0.1, 0.3, 0.5, 1]) })),
  },
  {
    name: 'F62 F63 messages are duplicated and reordered',
    weight: 5,
    scope: 'bus',
    play: network((random) => ({
      duplicate: random.float(),
      reorder: random.float(),
      reorderMs: random.pick([20, 100, 700]),
    })),
  },
  {
    name: 'F32 the bus is slow',
    weight: 2,
    scope: 'bus',
    play: network((random) => ({ latencyMinMs: 100, latencyMaxMs: random.pick([200, 1_000]) })),
  },
  {
    name: 'F65 only deletions are lost',
    weight: 5,
    isSilent: true,
    scope: 'bus',
    play: losing('deletes'),
  },
  {
    name: 'F66 updates are lost',
    weight: 5,
    isSilent: true,
    scope: 'bus',
    play: losing('updates'),
  },
  { name: 'receipts are lost', weight: 1, isSilent: true, scope: 'bus', play: losing('receipts') },
  { name: 'answers are lost', weight: 2, isSilent: true, scope: 'bus', play: losing('answers') },
  {
    name: 'F50 a partition',
    weight: 5,
    scope: 'bus',
    play: (act) => {
      const [from, to] = link(act);
      during(
        act,
        `${from} | ${to}`,
        () => {
          act.stage.network.cut(from, to);
          act.stage.network.cut(to, from);
        },
        () => {
          act.stage.network.heal(from, to);
          act.stage.network.heal(to, from);
        },
      );
    },
  },
  {
    name: 'F51 F52 a one-way cut',
    weight: 6,
    scope: 'bus',
    play: (act) => {
      const [from, to] = link(act);
      during(
        act,
        `${from} ↛ ${to}`,
        () => {
          act.stage.network.cut(from, to);
        },
        () => {
          act.stage.network.heal(from, to);
        },
      );
    },
  },
  {
    name: 'F51 a node is not heard',
    weight: 4,
    scope: 'bus',
    play: oneWay((net, name, isOn) => {
      net.mute(name, isOn);
    }),
  },
  {
    name: 'F52 a node hears nothing',
    weight: 4,
    scope: 'bus',
    play: oneWay((net, name, isOn) => {
      net.deafen(name, isOn);
    }),
  },
  {
    name: 'F55 a link flaps',
    weight: 3,
    scope: 'bus',
    play: (act) => {
      const [from, to] = link(act);
      const { network: net, scheduler } = act.stage;
      const fault = act.fault(`${from} ~ ${to}`);
      const endMs = scheduler.nowMs + act.forMs;
      const flap = (isCut: boolean): void => {
        const isOver = scheduler.nowMs >= endMs || act.stage.isHealed;
        if (isCut && !isOver) net.cut(from, to);
        else {
          net.heal(from, to);
          net.reset(from, to);
        }
        if (isOver) fault.over();
        else scheduler.after(isCut ? 400 : 100, () => flap(!isCut));
      };
      flap(true);
    },
  },
  {
    name: 'F33 subscribers are disconnected again and again',
    weight: 3,
    scope: 'bus',
    play: (act) => {
      const [from, to] = link(act);
      const { network: net, scheduler } = act.stage;
      const fault = act.fault(`${from}→${to}`);
      const endMs = scheduler.nowMs + act.forMs;
      const everyMs = act.random.pick([150, 500, 2_000]);
      const disconnect = (): void => {
        if (scheduler.nowMs >= endMs || act.stage.isHealed) {
          fault.over();
          return;
        }
        net.reset(from, to);
        scheduler.after(everyMs, disconnect);
      };
      disconnect();
    },
  },
];
