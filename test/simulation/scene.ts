/**
 * One thing that may go wrong in a schedule: when it is drawn it puts its faults on the stage's clock. Every fault is over
 * when its time is; whatever is left is healed by `healAll` at the end of the disturbed part. And what scenes of all kinds
 * are made of.
 */
import type { FaultScope } from '../../chaos/history/events.ts';
import type { Random } from '../support/random.ts';
import type { SimNode } from './sim-node.ts';
import type { Stage } from './stage.ts';

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

export const upNode = ({ stage, random }: Act): SimNode => {
  const up = stage.nodes.filter((node) => node.isUp);
  return random.pick(up.length > 0 ? up : stage.nodes);
};

export function during(act: Act, target: string, begin: () => void, end: () => void): void {
  const fault = act.fault(target);
  begin();
  act.after(act.forMs, () => {
    end();
    fault.over();
  });
}

/** The node is gone for a while; `how` ends it. */
export function down(act: Act, node: SimNode, how: (node: SimNode) => void): void {
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

export const anyCrash =
  (random: Random): ((node: SimNode) => void) =>
  (node) => {
    node.crash(random.oneIn(2) ? 'kill' : 'power');
  };
