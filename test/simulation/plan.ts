/** What a seed stands for: how many of what, for how long, and which scenes are played when. */
import type { Random } from '../support/random.ts';
import type { Archivist } from './archivist.ts';
import type { Undertaker } from './undertaker.ts';
import { DOCUMENTS, DOOMED, type Stage } from './stage.ts';
import type { Act, Scene } from './scene.ts';
import { SCENES } from './scenes.ts';

export interface Plan {
  readonly nodes: number;
  /** By node. */
  readonly regions: readonly string[];
  readonly documents: number;
  readonly editors: number;
  readonly canUndo: boolean;
  readonly editorLatencyMs: number;
  readonly busLatencyMs: number;
  readonly compactTailUpdates: number;
  readonly roomIdleMs: number;
  readonly sendBufferBytes: number;
  readonly editsPerEditor: number;
  /** In the disturbed part editors only delete. */
  readonly isDeletesOnly: boolean;
  /** When everything is healed. */
  readonly healMs: number;
  /** Nobody edits after this: at the latest when everything is healed, mostly before. */
  readonly editUntilMs: number;
  /** After the heal those who are connected stay and nobody else comes; otherwise everybody comes back first. */
  readonly isPinned: boolean;
  readonly scenes: readonly PlannedScene[];
  /** How often somebody keeps or deletes one; 0: nobody ever does, and nodes do not speak of them. */
  readonly snapshots: number;
  /** How often somebody writes to a document that may be deleted; 0: there is none. */
  readonly doomedWrites: number;
  readonly deletions: number;
  /** Losses that nobody was told of lasted so long that only the slow sweep may find what they left. */
  readonly isForTheSweep: boolean;
  readonly lastEnd: 'kill' | 'power' | 'stop';
}

export interface PlannedScene {
  readonly scene: Scene;
  readonly atMs: number;
  readonly forMs: number;
}

/** Who is on the stage beside editors. */
export interface People {
  readonly archivist: Archivist;
  readonly undertaker: Undertaker;
}

const REGIONS = ['a', 'b', 'c'];
export const WARM_UP_MS = 600;
const SCENES_MAX = 4;

/** `extraRandom`: dice of what came later, so that the rest of a plan does not depend on it. */
export function planOf(random: Random, extraRandom: Random): Plan {
  const nodes = random.pick([2, 2, 3, 3, 3]);
  const spread = random.pick(['own', 'own', 'two', 'two', 'one']);
  const regions = Array.from({ length: nodes }, (_, index) => {
    if (spread === 'own') return REGIONS[index] as string;
    return spread === 'two' ? (REGIONS[index % 2] as string) : 'a';
  });
  const disturbedMs = random.oneIn(12) ? longMs(random) : 800 + random.float() * 2_700;
  const healMs = WARM_UP_MS + disturbedMs;
  const isQuietFirst = !random.oneIn(4);
  const scenes = scenesOf(random, disturbedMs);
  return {
    nodes,
    regions,
    documents: random.oneIn(3) ? 2 : 1,
    editors: 2 + random.below(3),
    canUndo: random.oneIn(3),
    editorLatencyMs: random.pick([2, 20, 80]),
    busLatencyMs: random.pick([1, 1, 30, 120]),
    compactTailUpdates: random.pick([6, 20, 1_000_000]),
    roomIdleMs: random.pick([200, 1_500, 30_000]),
    sendBufferBytes: random.pick([200, 1024 * 1024]),
    editsPerEditor: 2 + random.below(7),
    isDeletesOnly: random.oneIn(5),
    healMs,
    editUntilMs: isQuietFirst ? WARM_UP_MS + Math.min(disturbedMs * 0.7, 2_500) : healMs,
    isPinned: random.oneIn(2),
    scenes,
    snapshots: extraRandom.oneIn(4) ? 1 + extraRandom.below(6) : 0,
    doomedWrites: extraRandom.oneIn(6) ? 1 + extraRandom.below(6) : 0,
    deletions: extraRandom.pick([0, 1, 1, 2]),
    isForTheSweep: disturbedMs > 5_000 && scenes.some(({ scene }) => scene.isSilent === true),
    lastEnd: random.pick(['kill', 'power', 'power', 'stop']),
  };
}

/**
 * Longer than a lease, and longer than changes are told of every second: then only what a link's return leads to heals in
 * time, unless a full heartbeat (every 10 s from the start) happens to be due, so that the heal must not always fall on the
 * same moment of it.
 */
function longMs(random: Random): number {
  const draw = random.float() * 3;
  const rest = draw % 1;
  return [9_000, 12_000, 32_500 + rest * 10_000][Math.floor(draw)] as number;
}

function scenesOf(random: Random, disturbedMs: number): PlannedScene[] {
  const count = 1 + random.below(SCENES_MAX);
  const planned: PlannedScene[] = [];
  for (let index = 0; index < count; index += 1) {
    const scene = drawn(random, (each) => !planned.some((other) => clash(each, other.scene)));
    // A long disturbance is one thing that is wrong for long.
    const isLong = disturbedMs > 5_000;
    const atMs = WARM_UP_MS + (isLong ? random.float() * 800 : random.float() * disturbedMs * 0.6);
    const leftMs = WARM_UP_MS + disturbedMs - atMs;
    planned.push({ scene, atMs, forMs: leftMs * (isLong ? 1 : 0.3 + 0.7 * random.float()) });
  }
  return planned;
}

function clash(one: Scene, other: Scene): boolean {
  return one === other || (one.losesDisk === true && other.losesDisk === true);
}

function drawn(random: Random, isPossible: (scene: Scene) => boolean): Scene {
  const possible = SCENES.filter(isPossible);
  let left = random.float() * possible.reduce((sum, { weight }) => sum + weight, 0);
  for (const scene of possible) {
    left -= scene.weight;
    if (left < 0) return scene;
  }
  return possible[0] as Scene;
}

/** Nodes and editors come, and everything that was planned is put on the clock. */
export function setUp(stage: Stage, plan: Plan, people: People): void {
  const random = stage.random('plan of the stage');
  for (const [index, region] of plan.regions.entries()) {
    const node = stage.addNode({
      name: `n${index + 1}`,
      region,
      regions: REGIONS,
      compactTailUpdates: plan.compactTailUpdates,
      roomIdleMs: plan.roomIdleMs,
      sendBufferBytes: plan.sendBufferBytes,
      keepsSnapshots: plan.snapshots > 0,
    });
    void stage.guard(node.start());
  }
  const canReplicate = stage.regions.length > 1;
  for (let index = 0; index < plan.editors; index += 1) {
    const document = DOCUMENTS[index % plan.documents] as (typeof DOCUMENTS)[number];
    const level = canReplicate && random.oneIn(3) ? 'replicated' : 'local';
    const editor = stage.addEditor(
      `e${index + 1}`,
      document,
      level,
      plan.canUndo,
      plan.editorLatencyMs,
    );
    const home = random.pick(stage.nodes);
    stage.scheduler.after(random.float() * 200, () => {
      editor.goOnline(home);
    });
    const { scheduler } = stage;
    for (let edit = 0; edit < plan.editsPerEditor; edit += 1) {
      scheduler.after(100 + random.float() * (plan.editUntilMs - 100), () => {
        editor.edit(plan.isDeletesOnly && scheduler.nowMs > WARM_UP_MS);
      });
    }
  }
  const archive = stage.random('plan of the archivist');
  for (let index = 0; index < plan.snapshots; index += 1) {
    const document = DOCUMENTS[archive.below(plan.documents)] as (typeof DOCUMENTS)[number];
    stage.scheduler.after(300 + archive.float() * (plan.healMs - 300), () => {
      people.archivist.act(document);
    });
  }
  if (plan.doomedWrites > 0) {
    const dice = stage.random('plan of the undertaker');
    const anyTime = (): number => 200 + dice.float() * (plan.healMs - 200);
    for (let index = 0; index < plan.doomedWrites; index += 1) {
      stage.scheduler.after(anyTime(), () => {
        people.undertaker.write();
      });
    }
    if (plan.snapshots > 0) {
      stage.scheduler.after(anyTime(), () => {
        people.archivist.act(DOOMED);
      });
    }
    for (let index = 0; index < plan.deletions; index += 1) {
      stage.scheduler.after(anyTime(), () => {
        people.undertaker.delete();
      });
    }
  }
  for (const { scene, atMs, forMs } of plan.scenes) {
    stage.scheduler.after(atMs, () => {
      play(stage, scene, forMs);
    });
  }
}

function play(stage: Stage, scene: Scene, forMs: number): void {
  if (scene.needs?.(stage) === false) return;
  const { name, scope } = scene;
  const random = stage.random(`scene ${name}`);
  let count = 0;
  const act: Act = {
    stage,
    random,
    forMs,
    after: (delayMs, work) => {
      stage.scheduler.after(delayMs, work);
    },
    fault: (target) => {
      const id = `${name.replaceAll(/[^A-Za-z0-9]+/g, '-')}-${(count += 1)}`;
      const proof = 'simulated';
      stage.log(`fault: ${name}: ${target}`);
      stage.record({ f: 'fault', type: 'begin', id, name, target, scope });
      stage.record({ f: 'fault', type: 'proved', id, name, target, scope, proof });
      return {
        over: () => {
          stage.log(`over:  ${name}: ${target}`);
          stage.record({ f: 'fault', type: 'healed', id, name, target, scope });
        },
      };
    },
  };
  scene.play(act);
}
