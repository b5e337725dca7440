/** What may go wrong with an editor; and with its node at the worst moments for it: at the ack, and when it sends again. */
import type { Editor } from './editor.ts';
import { anyCrash, down, type Act, type Scene } from './scene.ts';
import type { Stage } from './stage.ts';

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

const liveEditor = ({ stage, random }: Act): Editor => random.pick(stage.editors);

const hasRegions = ({ regions }: Stage): boolean => regions.length > 1;

export const EDITOR_SCENES: readonly Scene[] = [
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
