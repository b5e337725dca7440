/**
 * A process of editors. It does what the driver says (orders.ts), writes its history to its own file, and dies with the
 * driver. Killed, it never sends anything again: that is why editors are not in the driver's process.
 */
import { mono } from '../engine/clock.ts';
import { HistoryFile } from '../history/history-file.ts';
import { HistoryRecorder } from '../history/recorder.ts';
import { seededRandom, type Random } from '../random.ts';
import { Editor } from './editor.ts';
import type { Answer, CrewPlan, NumberedOrder, Order, Report } from './orders.ts';
import { findSession } from './recordings.ts';

/** Between rounds of edits; each editor edits with the probability that gives its rate. */
const TICK_MS = 50;
const TEND_MS = 500;
const RECORD_MS = 2_500;
const LOOK_AROUND_MS = 1_000;
/** An editor that roams leaves about every 20 s, for up to 3 s. */
const LEAVE_MEAN_MS = 20_000;
const AWAY_MS_MAX = 3_000;

class Crew {
  readonly #plan: CrewPlan;
  readonly #random: Random;
  readonly #file: HistoryFile;
  readonly #recorder: HistoryRecorder;
  #editors: readonly Editor[];
  readonly #away = new Set<Editor>();
  #isTyping = false;
  #isResting = false;

  constructor(plan: CrewPlan) {
    this.#plan = plan;
    this.#random = seededRandom(plan.seed);
    this.#file = new HistoryFile(plan.historyPath);
    this.#recorder = new HistoryRecorder({ mono, wall: Date.now }, this.#file.write);
    const recording = plan.editors.some(({ types }) => types)
      ? findSession(this.#random.fork()).session
      : null;
    this.#editors = plan.editors.map(
      (editor) =>
        new Editor(editor, {
          proc: plan.proc,
          places: plan.places,
          recorder: this.#recorder,
          random: this.#random.fork(),
          recording,
        }),
    );
    for (const editor of this.#editors) editor.connect();
    setInterval(() => {
      this.#tick();
    }, TICK_MS);
    setInterval(() => {
      for (const editor of this.#editors) editor.tend();
    }, TEND_MS);
    setInterval(() => {
      if (!this.#isResting) for (const editor of this.#editors) editor.record('running');
    }, RECORD_MS);
    setInterval(() => {
      this.#lookAround();
    }, LOOK_AROUND_MS);
  }

  async obey(order: Order): Promise<void> {
    switch (order.do) {
      case 'open':
        break;
      case 'type':
        this.#isTyping = true;
        break;
      case 'rest':
        this.#isTyping = false;
        this.#isResting = true;
        for (const editor of this.#editors) {
          editor.rest();
          editor.connect();
        }
        this.#away.clear();
        break;
      case 'pin':
        for (const editor of this.#editors) editor.pin();
        break;
      case 'edit-once':
        for (const editor of this.#writers) editor.editOnce(order.dels);
        break;
      case 'edit-many':
        for (const editor of this.#chosen([order.session])) {
          for (let count = 0; count < order.count; count += 1) editor.edit();
        }
        break;
      case 'offline':
        for (const editor of this.#chosen(order.sessions)) editor.disconnect(false);
        break;
      case 'online':
        for (const editor of this.#chosen(order.sessions)) editor.connect();
        break;
      case 'move':
        for (const editor of this.#chosen([order.session])) editor.moveTo(order.node);
        break;
      case 'token':
        for (const editor of this.#chosen([order.session])) editor.takeToken(order.token);
        break;
      case 'forget':
        this.#dismiss(this.#editors.filter(({ node }) => node === order.node));
        break;
      case 'dismiss':
        this.#dismiss(this.#chosen(order.sessions));
        break;
      case 'cut':
        for (const editor of this.#editors) editor.cut();
        break;
      case 'look':
        break;
      case 'record':
        for (const editor of this.#editors) editor.record(order.phase);
        this.#lookAround();
        break;
      case 'end':
        for (const editor of this.#editors) editor.destroy();
        await this.#file.close();
        break;
    }
  }

  report(looks: 'none' | 'quickly' | 'deeply'): Report {
    const sum = (of: (editor: Editor) => number): number =>
      this.#editors.reduce((total, editor) => total + of(editor), 0);
    return {
      looks: looks === 'none' ? [] : this.#editors.map((editor) => editor.look(looks === 'deeply')),
      ops: sum(({ ops }) => ops),
      acked: sum(({ acked }) => acked),
      ackMs: this.#editors.flatMap((editor) => editor.takeAckMs()),
      reconnects: sum(({ connections }) => connections) - this.#editors.length,
    };
  }

  get #writers(): readonly Editor[] {
    return this.#editors.filter(({ plan }) => plan.writes);
  }

  #chosen(sessions: readonly string[] | null): readonly Editor[] {
    if (sessions === null) return this.#editors;
    return this.#editors.filter(({ plan }) => sessions.includes(plan.session));
  }

  #dismiss(leaving: readonly Editor[]): void {
    for (const editor of leaving) editor.destroy();
    this.#editors = this.#editors.filter((editor) => !leaving.includes(editor));
  }

  /** Readers stay where they are, and frame by frame; the library's view is looked at too. */
  #lookAround(): void {
    for (const editor of this.#editors) {
      if (!editor.plan.writes || editor.plan.line === 'library') editor.lookAround();
    }
  }

  #tick(): void {
    if (!this.#isTyping) return;
    for (const editor of this.#writers) {
      if (this.#random.fraction() < (editor.plan.opsPerSecond * TICK_MS) / 1_000) editor.edit();
      const leaves = editor.plan.roams && this.#random.fraction() < TICK_MS / LEAVE_MEAN_MS;
      if (leaves && !this.#away.has(editor)) this.#leave(editor);
    }
  }

  /** Offline for a while, and back: where it was, or on another node. */
  #leave(editor: Editor): void {
    this.#away.add(editor);
    editor.disconnect(this.#random.oneIn(2));
    setTimeout(() => {
      if (!this.#away.delete(editor)) return;
      if (this.#random.oneIn(2)) editor.moveTo(this.#random.pick(this.#plan.places).node);
      editor.connect();
    }, this.#random.below(AWAY_MS_MAX));
  }
}

let crew: Crew | null = null;

function answer(message: Answer): void {
  process.send?.(message);
}

async function obey(order: NumberedOrder): Promise<void> {
  const { id } = order;
  try {
    if (order.do === 'open') crew = new Crew(order.plan);
    if (crew === null) throw new Error('not open yet');
    await crew.obey(order);
    const looks = order.do === 'look' ? (order.deeply ? 'deeply' : 'quickly') : 'none';
    answer({ id, ok: true, report: crew.report(looks) });
  } catch (error) {
    answer({ id, ok: false, error: error instanceof Error ? (error.stack ?? '') : String(error) });
  }
}

process.on('message', (order: NumberedOrder) => {
  void obey(order);
});
process.on('disconnect', () => process.exit(0));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
