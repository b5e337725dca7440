/**
 * What may go wrong in a schedule, one scene a row: when it is drawn it puts its faults on the stage's clock. Every fault
 * is over when its time is; whatever is left is healed by `healAll` at the end of the disturbed part.
 */
import type { FaultScope } from '../../chaos/history/events.ts';
import type { Random } from '../support/random.ts';
import type { Editor } from './editor.ts';
import type { SimNode } from './sim-node.ts';
import type { Loss, Stage } from './stage.ts';
import type { DiskImage } from './virtual-disk.ts';

export interface Scene {
  readonly name: string;
  /** How often it is drawn, compared with the others. */
  readonly weight: number;
  readonly scope: FaultScope;
  /** Loses a disk: at most one such scene a schedule, since no more is promised. */
  readonly losesDisk?: true;
  /** Messages are lost and no link tells of it. */
  readonly isSilent?: true;
  readonly needs?: (stage: Stage) => boolean;
  readonly play: (act: Act) => void;
}

/** One scene's time on the stage. */
export interface Act {
  readonly stage: Stage;
  readonly random: Random;
  /** From now; the disturbed part ends after these. */
  readonly forMs: number;
  /** Says in the history what is broken, and when it is over. */
  fault(target: string): { over(): void };
  after(delayMs: number, work: () => void): void;
}

/** Until something holds, asked every few milliseconds; then, or after `msMax`, `work`. */
function when(act: Act, holds: () => boolean, msMax: number, work: () => void): void {
  const { scheduler } = act.stage;
  const endMs = scheduler.nowMs + msMax;
  const look = (): void => {
    if (act.stage.isHealed) return;
    if (holds() || scheduler.nowMs >= endMs) work();
    else scheduler.after(2, look);
  };
  look();
}

const upNode = ({ stage, random }: Act): SimNode => {
  const up = stage.nodes.filter((node) => node.isUp);
  return random.pick(up.length > 0 ? up : stage.nodes);
};

const liveEditor = ({ stage, random }: Act): Editor => random.pick(stage.editors);

const hasRegions = ({ regions }: Stage): boolean => regions.length > 1;

/** Two regions, or twice the only one: its own transport. */
function link({ stage, random }: Act): [string, string] {
  const from = random.pick(stage.regions);
  const others = stage.regions.filter((region) => region !== from);
  return [from, others.length === 0 || random.oneIn(4) ? from : random.pick(others)];
}

function during(act: Act, target: string, begin: () => void, end: () => void): void {
  const fault = act.fault(target);
  begin();
  act.after(act.forMs, () => {
    end();
    fault.over();
  });
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

/** The node is gone for a while; `how` ends it. */
function down(act: Act, node: SimNode, how: (node: SimNode) => void): void {
  const { stage } = act;
  if (stage.isHealed) return;
  const fault = act.fault(node.name);
  stage.hold(node);
  how(node);
  act.after(act.random.float() * act.forMs, () => {
    if (!stage.isHealed) stage.release(node);
    fault.over();
  });
}

function disk(set: (node: SimNode, random: Random) => void): Scene['play'] {
  return (act) => {
    const node = upNode(act);
    during(
      act,
      node.name,
      () => {
        set(node, act.random);
      },
      () => {
        act.stage.mendDisk(node);
      },
    );
  };
}

const anyCrash = (random: Random) => (node: SimNode) => {
  node.crash(random.oneIn(2) ? 'kill' : 'power');
};

export const SCENES: readonly Scene[] = [
  { name: 'nothing', weight: 2, scope: 'load', play: () => undefined },
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
    play: (act) => {
      const { name } = upNode(act);
      const { network: net } = act.stage;
      during(
        act,
        name,
        () => {
          net.mute(name, true);
        },
        () => {
          net.mute(name, false);
        },
      );
    },
  },
  {
    name: 'F52 a node hears nothing',
    weight: 4,
    scope: 'bus',
    play: (act) => {
      const { name } = upNode(act);
      const { network: net } = act.stage;
      during(
        act,
        name,
        () => {
          net.deafen(name, true);
        },
        () => {
          net.deafen(name, false);
        },
      );
    },
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
  {
    name: 'F01 a node is killed',
    weight: 6,
    scope: 'process',
    play: (act) => {
      down(act, upNode(act), anyCrash(act.random));
    },
  },
  {
    name: 'F05 a node is stopped and started',
    weight: 3,
    scope: 'process',
    play: (act) => {
      down(act, upNode(act), (node) => {
        void act.stage.guard(node.stop());
      });
    },
  },
  {
    name: 'F41 a node hangs',
    weight: 3,
    scope: 'process',
    play: (act) => {
      const node = upNode(act);
      during(
        act,
        node.name,
        () => {
          node.hang();
        },
        () => {
          node.goOn();
        },
      );
    },
  },
  {
    name: 'F20 F21 a disk is full',
    weight: 6,
    scope: 'disk',
    play: disk((node) => {
      node.disk.state = 'full';
    }),
  },
  {
    name: 'F22 F23 a disk fails to write',
    weight: 5,
    scope: 'disk',
    play: disk((node) => {
      node.disk.state = 'broken';
    }),
  },
  {
    name: 'F24 a disk is slow',
    weight: 5,
    scope: 'disk',
    play: disk((node, random) => {
      node.disk.syncMs = random.pick([50, 200, 1_000]);
    }),
  },
  {
    name: 'F26 a disk fails to read',
    weight: 2,
    scope: 'disk',
    play: disk((node) => {
      node.disk.readsFail = true;
    }),
  },
  {
    name: 'F14 an old backup is restored',
    weight: 4,
    scope: 'process',
    losesDisk: true,
    play: (act) => {
      const { stage, random } = act;
      const node = upNode(act);
      const backup: DiskImage = node.disk.image();
      act.after(random.float() * act.forMs * 0.7, () => {
        down(act, node, () => {
          node.crash('kill');
          stage.loseDisk(node, backup);
        });
      });
    },
  },
  {
    name: 'F82 a disk is lost',
    weight: 3,
    scope: 'process',
    losesDisk: true,
    play: (act) => {
      down(act, upNode(act), (node) => {
        node.crash('power');
        act.stage.loseDisk(node, null);
      });
    },
  },
  {
    name: 'F82 a node is lost for ever',
    weight: 2,
    scope: 'process',
    losesDisk: true,
    needs: ({ nodes }) => nodes.length > 2,
    play: (act) => {
      const node = upNode(act);
      const fault = act.fault(node.name);
      act.stage.loseNode(node);
      fault.over();
    },
  },
  {
    name: 'F81 an empty node joins',
    weight: 4,
    scope: 'load',
    play: (act) => {
      const { stage, random } = act;
      act.fault('a new node').over();
      stage.join(random.pick(stage.regions));
    },
  },
  {
    name: 'F70 an editor is cut off and comes back elsewhere',
    weight: 6,
    scope: 'client',
    play: (act) => {
      const { stage, random } = act;
      const editor = liveEditor(act);
      const fault = act.fault(editor.name);
      editor.cut(random.float() * 100, random.float() * 3_000);
      if (random.oneIn(2)) editor.goOffline();
      act.after(random.float() * act.forMs, () => {
        fault.over();
        editor.goOnline(random.pick(stage.present));
      });
    },
  },
  {
    name: 'an editor is gone for ever',
    weight: 3,
    scope: 'client',
    play: (act) => {
      const editor = liveEditor(act);
      const fault = act.fault(editor.name);
      editor.die();
      fault.over();
    },
  },
  {
    name: 'F02 killed at the ack, and its editor with it',
    weight: 6,
    scope: 'process',
    play: (act) => {
      const { random } = act;
      const editor = liveEditor(act);
      if (random.oneIn(2)) act.stage.slowDown(editor.node, random.pick([20, 200]));
      editor.edit(false);
      when(
        act,
        () => editor.isSaved,
        act.forMs,
        () => {
          const { node } = editor;
          editor.die();
          if (node !== null) down(act, node, anyCrash(random));
        },
      );
    },
  },
  {
    name: 'F71 sent again while the first copy waits for the disk, then killed',
    weight: 5,
    scope: 'process',
    play: (act) => {
      const { stage, random } = act;
      const editor = liveEditor(act);
      const { node } = editor;
      if (node === null) return;
      const isUnheard = random.oneIn(2);
      stage.slowDown(node, random.pick([300, 1_000]));
      if (isUnheard) stage.network.mute(node.name, true);
      editor.edit(false);
      act.after(30 + random.float() * 100, () => {
        editor.cut(0, random.float() * 50);
        editor.goOnline(node);
        act.after(60, () => {
          when(
            act,
            () => editor.isSaved,
            2_500,
            () => {
              editor.die();
              down(act, node, anyCrash(random));
              stage.network.mute(node.name, false);
            },
          );
        });
      });
    },
  },
  {
    name: 'F82 the region of a replicated ack is lost at the ack',
    weight: 6,
    scope: 'process',
    losesDisk: true,
    needs: hasRegions,
    play: (act) => {
      const { stage, random } = act;
      const editor = stage.editors.find(({ options }) => options.durability === 'replicated');
      const { node } = editor ?? { node: null };
      if (editor === undefined || node === null) return;
      const others = stage.regions.filter((region) => region !== node.region);
      for (const other of others) stage.setFaults(node.region, other, { drop: 0.3 });
      for (let edits = 0; edits < 6; edits += 1) {
        act.after(edits * (10 + random.float() * 60), () => {
          editor.edit(false);
        });
      }
      act.after(10, () => {
        when(
          act,
          () => editor.isSaved && random.oneIn(2),
          act.forMs,
          () => {
            editor.die();
            for (const other of others) stage.setFaults(node.region, other, {});
            down(act, node, () => {
              node.crash('power');
              stage.loseDisk(node, null);
            });
          },
        );
      });
    },
  },
];
