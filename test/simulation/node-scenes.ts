/** What may go wrong with a node, its process or its disk; and one that is new. */
import type { Random } from '../support/random.ts';
import { anyCrash, down, during, upNode, type Scene } from './scene.ts';
import type { SimNode } from './sim-node.ts';
import type { DiskImage } from './virtual-disk.ts';

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

export const NODE_SCENES: readonly Scene[] = [
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
];
