/**
 * One seed, from an empty world to its verdicts:
 *
 *   warm-up ─▶ disturbed: scenes and edits ─▶ heal ─▶ silence until equal ─▶ writers destroyed, every node ended
 *   ─▶ disks read ─▶ nodes restarted ─▶ fresh readers ─▶ the checker over the history
 *
 * Everything happens on virtual time and promises; the same seed gives the same history, byte for byte.
 */
import { createHash } from 'node:crypto';
import * as Y from 'yjs';
import { check } from '../../chaos/checker/check.ts';
import type { Verdict } from '../../chaos/checker/verdict.ts';
import { canonicalState } from '../../chaos/history/canonical.ts';
import type { HistoryEvent, ReadEvent } from '../../chaos/history/events.ts';
import type { DocumentName } from '../../server/protocol/document-name.ts';
import { seededRandom } from '../support/random.ts';
import { Archivist } from './archivist.ts';
import type { Editor } from './editor.ts';
import { planOf, setUp, type Plan } from './plan.ts';
import { EditorLook, Replicas } from './replicas.ts';
import type { SimNode } from './sim-node.ts';
import { DOCUMENTS, DOOMED, Stage } from './stage.ts';
import { Undertaker } from './undertaker.ts';

export interface Outcome {
  readonly seed: number;
  /** Nothing of it is wrong. */
  readonly isGood: boolean;
  /** What is wrong, a line each. */
  readonly problems: readonly string[];
  readonly verdicts: readonly Verdict[];
  /** Over the whole history: the same seed gives the same. */
  readonly hash: string;
  readonly events: number;
  readonly acks: number;
  readonly convergedMs: number;
  /** Acked; and how long it took until the same ones were everywhere, -1 when there were none. */
  readonly snapshots: number;
  readonly snapshotsMs: number;
  readonly virtualMs: number;
  readonly steps: number;
}

export interface RunOptions {
  readonly sink?: (event: HistoryEvent) => void;
  readonly log?: (text: string, atMs: number) => void;
}

/** From the heal until every node serves. */
const UP_MS_MAX = 8_000;
/** From the heal until everybody who is there has been told that everything is saved. */
const SAVED_MS_MAX = 12_000;
/** K5, K6. */
const CONVERGED_MS_MAX = 5_000;
/** A round of the slow sweep, and a half. */
const SWEPT_MS_MAX = 90_000;
/** Questions a second, document and node, at most; and a few that are under way. */
const ROUNDS_PER_S = 1;
const ROUNDS_SLACK = 4;
/** A message of an editor, at most. */
const UNDERWAY_MS = 100;
const SAMPLE_MS = 700;
/** Makes other dice than those of the plan. */
const EXTRA_SALT = 0x9e37_79b1;
/** What this world can show: it has no presence, no tokens, no memory to measure, and a disk as slow as a scene wants it. */
const CHECKED: ReadonlySet<string> = new Set(
  [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13, 14, 15, 20].map((number) => `K${number}`),
);

export async function runSeed(seed: number, options: RunOptions = {}): Promise<Outcome> {
  const plan = planOf(seededRandom(seed), seededRandom(Math.imul(seed, EXTRA_SALT)));
  const calm = { latencyMinMs: 0, latencyMaxMs: plan.busLatencyMs };
  const stage = new Stage({ seed, sink: options.sink ?? null, log: options.log ?? null, calm });
  return await new Run(stage, plan).run();
}

class Run {
  readonly #stage: Stage;
  readonly #plan: Plan;
  readonly #replicas = new Replicas();
  readonly #editors = new EditorLook();
  readonly #archivist: Archivist;
  readonly #undertaker: Undertaker;
  readonly #documents: readonly DocumentName[];
  readonly #canonOf = new Map<string, string>();
  #convergedMs = -1;

  constructor(stage: Stage, plan: Plan) {
    this.#stage = stage;
    this.#plan = plan;
    this.#archivist = new Archivist(stage, this.#replicas);
    this.#undertaker = new Undertaker(stage, this.#replicas);
    this.#documents = DOCUMENTS.slice(0, plan.documents);
  }

  async run(): Promise<Outcome> {
    const stage = this.#stage;
    stage.onDown = (node) => {
      // A disk that was lost may lack what was acked; what it is owed again shows at the end.
      if (stage.hasLostDisk(node)) return;
      for (const document of this.#documents) this.#readDisk(node, document, 'running');
    };
    try {
      setUp(stage, this.#plan, { archivist: this.#archivist, undertaker: this.#undertaker });
      this.#sampleUntil(this.#plan.healMs);
      await stage.scheduler.run(this.#plan.healMs);
      await this.#heal();
      if (stage.failures.length === 0) await this.#finish();
    } catch (error) {
      stage.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    return this.#outcome();
  }

  /** "Equal update sets imply equal states": at any time, on any node. */
  #sampleUntil(endMs: number): void {
    const { scheduler } = this.#stage;
    const sample = (): void => {
      if (scheduler.nowMs >= endMs) return;
      this.#compareStates();
      scheduler.after(SAMPLE_MS, sample);
    };
    // Not while a schedule is long: nothing new is seen in the silence.
    if (endMs < 5_000) scheduler.after(SAMPLE_MS, sample);
  }

  #compareStates(): void {
    for (const node of this.#stage.present) {
      for (const document of this.#documents) {
        const key = `${document} ${this.#replicas.fingerprint(node, document)}`;
        const { canon } = this.#replicas.canonical(node, document).layers;
        const known = this.#canonOf.get(key) ?? canon;
        this.#canonOf.set(key, known);
        if (known !== canon)
          this.#stage.fail(`${node.name} ${document}: equal updates, two states`);
      }
    }
  }

  async #heal(): Promise<void> {
    const stage = this.#stage;
    const { scheduler } = stage;
    stage.log('everything is healed');
    stage.healAll();
    const isServing = await scheduler.runUntil(
      () => stage.present.every((node) => node.isUp),
      UP_MS_MAX,
    );
    if (!isServing) {
      const waiting = stage.present.filter((node) => !node.isUp).map(({ name }) => name);
      stage.fail(`${waiting.join()} did not come back`);
      return;
    }
    if (this.#plan.isPinned) {
      this.#sendHomeWhoIsAway();
      // What they have sent is still under way.
      await scheduler.run(UNDERWAY_MS);
    } else await this.#bringBackEverybody();
    const roundsBefore = this.#rounds();
    const quietMs = scheduler.nowMs;
    stage.record({ f: 'mark', name: 'quiet' });
    stage.log('silence');
    const msMax = this.#convergeMsMax;
    const isEqual = await scheduler.runUntil(() => this.#difference() === null, msMax);
    this.#convergedMs = scheduler.nowMs - quietMs;
    if (!isEqual) stage.fail(`still different after ${msMax} ms: ${this.#difference()}`);
    await this.#untilSaved();
    this.#checkRounds(roundsBefore, scheduler.nowMs - quietMs);
    for (const node of stage.present) {
      for (const document of this.#documents) this.#readDisk(node, document, 'settled');
    }
    for (const editor of this.#connected()) this.#readEditor(editor);
    stage.record({ f: 'mark', name: 'settled' });
    if (this.#plan.doomedWrites > 0) await this.#undertaker.settle(this.#convergeMsMax);
    if (this.#plan.snapshots > 0) await this.#archivist.settle([...this.#documents, DOOMED]);
  }

  /** They take what nobody acked with them. */
  #sendHomeWhoIsAway(): void {
    for (const editor of this.#stage.editors) {
      if (!editor.isDead && !editor.isSynced) editor.die();
    }
  }

  async #bringBackEverybody(): Promise<void> {
    const { editors, present, scheduler } = this.#stage;
    const random = this.#stage.random('coming back');
    for (const editor of editors) {
      if (!editor.isDead && !editor.isConnected) editor.goOnline(random.pick(present));
    }
    const live = editors.filter((editor) => !editor.isDead);
    const isBack = await scheduler.runUntil(() => live.every((each) => each.isSynced), UP_MS_MAX);
    if (!isBack) this.#stage.fail('an editor cannot come back');
  }

  /** Whoever is connected is told in the end that everything is saved. [I5] */
  async #untilSaved(): Promise<void> {
    // Where no other region is left, nobody is told of one.
    const canReplicate = new Set(this.#stage.present.map(({ region }) => region)).size > 1;
    const connected = this.#connected().filter(
      ({ options }) => canReplicate || options.durability === 'local',
    );
    const isSaved = await this.#stage.scheduler.runUntil(
      () => connected.every((each) => each.isSaved),
      SAVED_MS_MAX,
    );
    if (isSaved) return;
    const unsaved = connected.filter((each) => !each.isSaved).map(({ name }) => name);
    this.#stage.fail(`${unsaved.join()} still waits for an ack`);
  }

  #checkRounds(before: number, durationMs: number): void {
    const rounds = this.#rounds() - before;
    const { present } = this.#stage;
    const documents = this.#documents.length + (this.#plan.doomedWrites > 0 ? 1 : 0);
    const pairs = present.length * documents;
    const most = pairs * (ROUNDS_SLACK + (ROUNDS_PER_S * durationMs) / 1_000);
    if (rounds > most) this.#stage.fail(`${rounds} questions in ${durationMs} ms`);
  }

  get #convergeMsMax(): number {
    return this.#plan.isForTheSweep ? SWEPT_MS_MAX : CONVERGED_MS_MAX;
  }

  #rounds(): number {
    return this.#stage.present.reduce((sum, node) => sum + node.roundsSoFar, 0);
  }

  #connected(): Editor[] {
    return this.#stage.editors.filter((editor) => !editor.isDead && editor.isConnected);
  }

  /** Null when all disks and all connected copies are equal; otherwise who differs. */
  #difference(): string | null {
    for (const document of this.#documents) {
      let first: string | null = null;
      let of = '';
      const look = (who: string, fingerprint: string): string | null => {
        first ??= fingerprint;
        of ||= who;
        return first === fingerprint ? null : `${document}: ${of} ${first} | ${who} ${fingerprint}`;
      };
      for (const node of this.#stage.present) {
        const different = look(node.name, this.#replicas.fingerprint(node, document));
        if (different !== null) return different;
      }
      for (const editor of this.#connected()) {
        if (editor.options.document !== document) continue;
        const different = look(editor.name, this.#editors.fingerprint(editor));
        if (different !== null) return different;
      }
    }
    return null;
  }

  /** Writers are destroyed, nodes restarted: what is read now can only have come from disks. */
  async #finish(): Promise<void> {
    const stage = this.#stage;
    const { scheduler } = stage;
    for (const editor of stage.editors) editor.die();
    stage.record({ f: 'mark', name: 'writers-destroyed' });
    stage.onDown = () => undefined;
    for (const node of stage.present) {
      stage.hold(node);
      if (this.#plan.lastEnd === 'stop') await this.#settle(node.stop());
      else node.crash(this.#plan.lastEnd);
    }
    for (const node of stage.present) {
      for (const document of this.#documents) this.#readDisk(node, document, 'final');
    }
    for (const node of stage.present) stage.release(node);
    await scheduler.runUntil(() => stage.present.every((node) => node.isUp), UP_MS_MAX);
    stage.record({ f: 'mark', name: 'nodes-restarted' });
    for (const node of stage.present) {
      for (const document of this.#documents) await this.#readServed(node, document);
    }
    this.#archivist.check();
    if (this.#plan.doomedWrites > 0) await this.#undertaker.checkRestarted();
    stage.record({ f: 'mark', name: 'end' });
  }

  async #settle<T>(work: Promise<T>): Promise<T | null> {
    let result: T | null = null;
    let isSettled = false;
    const watched = work.then(
      (value) => {
        result = value;
        isSettled = true;
      },
      (error: unknown) => {
        isSettled = true;
        throw error;
      },
    );
    watched.catch(() => undefined);
    const isDone = await this.#stage.scheduler.runUntil(() => isSettled, 20_000, 5);
    if (!isDone) throw new Error('a request is never answered');
    await watched;
    return result;
  }

  #readDisk(node: SimNode, document: DocumentName, phase: ReadEvent['phase']): void {
    const state = this.#replicas.canonical(node, document);
    this.#read(node.name, document, 'disk', phase, state);
  }

  #readEditor(editor: Editor): void {
    const { name, document } = editor.options;
    const state = canonicalState(Y.encodeStateAsUpdate(editor.doc));
    this.#read(editor.node?.name ?? '', document, 'client', 'settled', state, name);
  }

  async #readServed(node: SimNode, document: DocumentName): Promise<void> {
    const { life } = node;
    if (life === null) return;
    const isThere = this.#replicas.updates(node, document).length > 0;
    const state = await this.#settle(
      life.documents.state(document, null).catch((error: unknown) => {
        if (!isThere) return null;
        throw error;
      }),
    );
    const served = canonicalState(...(state === null ? [] : [Buffer.concat([...state.parts])]));
    this.#read(node.name, document, 'rest', 'final', served);
    const stored = this.#replicas.canonical(node, document);
    this.#stage.record({
      f: 'verify',
      node: node.name,
      doc: document,
      isContiguous: true,
      hasGoodChecksums: true,
      diskCanon: stored.layers.canon,
      servedCanon: served.layers.canon,
    });
  }

  #read(
    node: string,
    doc: DocumentName,
    source: ReadEvent['source'],
    phase: ReadEvent['phase'],
    { layers, version, content, hasPending }: ReturnType<typeof canonicalState>,
    session?: string,
  ): void {
    this.#stage.record({
      f: 'read',
      type: 'ok',
      doc,
      node,
      source,
      phase,
      invokedMono: this.#stage.scheduler.nowMs,
      ...(session === undefined ? {} : { session }),
      ...(source === 'disk' ? { isolated: true } : {}),
      layers,
      version,
      content,
      hasPending,
    });
  }

  #outcome(): Outcome {
    const { seed, recorder, failures, scheduler } = this.#stage;
    const { history } = recorder;
    const verdicts = check(history, { convergeMsMax: this.#convergeMsMax });
    const failed = verdicts.filter(({ id, status }) => status === 'failed' && CHECKED.has(id));
    const problems = [
      ...failures,
      ...failed.flatMap(({ id, name, evidence }) =>
        evidence.slice(0, 3).map(({ text }) => `${id} ${name}: ${text}`),
      ),
    ];
    const hash = createHash('sha256');
    for (const event of history) hash.update(JSON.stringify(event));
    return {
      seed,
      isGood: problems.length === 0,
      problems,
      verdicts,
      hash: hash.digest('hex').slice(0, 16),
      events: history.length,
      acks: history.filter(({ f, ...event }) => f !== 'ack' && 'level' in event).length,
      convergedMs: this.#convergedMs,
      snapshots: this.#archivist.made,
      snapshotsMs: this.#archivist.settledMs,
      virtualMs: scheduler.nowMs,
      steps: scheduler.steps,
    };
  }
}
