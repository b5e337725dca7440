/**
 * Plays a recorded session through a server with real WebSocket clients, one an author and others watching,
 * and says how fast it went and whether everybody ended with the text that was recorded.
 *
 * An author plays an edit once it has integrated, through the server, all that its original author had
 * seen (insertions; a deletion advances no clock), so that two people who typed at the same time do so
 * again. At full speed an author runs ahead of its acks by a bounded window. Each edit is a transaction and
 * a message of its own, as it was when it was typed.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { type Percentiles, percentiles } from '../bench/statistics.ts';
import type { Trace } from '../support/traces.ts';
import { Editor } from './editor.ts';
import { OwnNode } from './own-node.ts';
import { Script, type ScriptEdit } from './script.ts';

/** Edits that an author may be ahead of its acks at full speed. */
const WINDOW_EDITS = 1_024;
/** Ask for an ack after this many edits at full speed; after each one at a pace. */
const ASK_EVERY_EDITS = 32;
/** Edits in a row before others get their turn: sockets are read between turns. */
const TURN_EDITS = 32;
/** A server that has not answered a SyncStatus by then has none: milliseconds. */
const ACK_PROBE_MS = 3_000;
/** How long after the last insertion deletions may still arrive: milliseconds. */
const LAST_EDITS_MS = 3_000;
/** Without acks, an author stops here and lets its socket drain: bytes. */
const BUFFERED_BYTES_MAX = 256 * 1024;

export interface ReplayOptions {
  readonly trace: Trace;
  /** Clients that watch beside the authors. */
  readonly watchers: number;
  /** When each transaction is due, milliseconds from the start; null: as fast as acks allow. */
  readonly dueAtMs: readonly number[] | null;
  /** ws://host:port of a running server; null: a node of its own, restarted at the end. */
  readonly url: string | null;
  readonly document?: string;
  readonly onProgress?: (edits: number, of: number) => void;
}

export interface ReplayReport {
  readonly authors: number;
  readonly watchers: number;
  readonly edits: number;
  /** Edits that were sent while another author's were still on their way: real concurrency. */
  readonly concurrentEdits: number;
  /** From the first edit to the last ack. */
  readonly seconds: number;
  readonly editsPerSecond: number;
  /** From asking, right after an edit, to "all up to here is durable"; null: the server has no such ack. */
  readonly ackMs: Percentiles | null;
  /** From playing an insertion to a watcher having integrated it; null without watchers. */
  readonly propagationMs: Percentiles | null;
  readonly isWatchedEqual: boolean;
  /** Whether a fresh client's text is the recorded one. */
  readonly isLiveEqual: boolean;
  /** The same after `kill -9` and a new start; null: not a node of our own. */
  readonly isRestartedEqual: boolean | null;
}

export function isSuccess(report: ReplayReport): boolean {
  return report.isWatchedEqual && report.isLiveEqual && report.isRestartedEqual !== false;
}

export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const node = options.url === null ? await OwnNode.start() : null;
  const document = options.document ?? `replay-${randomUUID()}`;
  const url = (): string => options.url ?? node?.url ?? '';
  try {
    const session = new Session(options, url(), document);
    const report = await session.play();
    const isLiveEqual = (await freshText(url(), document)) === options.trace.endContent;
    if (node === null) return { ...report, isLiveEqual, isRestartedEqual: null };
    await node.killAndRestart();
    const isRestartedEqual = (await freshText(url(), document)) === options.trace.endContent;
    return { ...report, isLiveEqual, isRestartedEqual };
  } finally {
    await node?.stop();
  }
}

/** What somebody sees who opens the document now. */
async function freshText(url: string, document: string): Promise<string> {
  const editor = await Editor.open(url, document);
  const text = editor.text();
  editor.close();
  return text;
}

/** The moments at which one author's insertions were played, in the order of their clocks. */
interface Played {
  readonly clientId: number;
  readonly clocks: number[];
  readonly atMs: number[];
}

class Session {
  readonly #options: ReplayOptions;
  readonly #url: string;
  readonly #document: string;
  readonly #script: Script;
  readonly #played: Played[];
  readonly #propagationsMs: number[] = [];
  #authors: Editor[] = [];
  #watchers: Editor[] = [];
  #startedAtMs = 0;
  #edits = 0;
  #concurrentEdits = 0;
  #hasAcks = true;

  constructor(options: ReplayOptions, url: string, document: string) {
    this.#options = options;
    this.#url = url;
    this.#document = document;
    this.#script = new Script(options.trace);
    this.#played = Array.from({ length: this.#script.authors }, (_, author) => ({
      clientId: this.#script.clientId(author),
      clocks: [],
      atMs: [],
    }));
  }

  async play(): Promise<Omit<ReplayReport, 'isLiveEqual' | 'isRestartedEqual'>> {
    const { trace, watchers } = this.#options;
    try {
      this.#authors = await this.#openEditors(this.#script.authors);
      this.#watchers = await this.#openEditors(watchers);
      for (const watcher of this.#watchers) this.#watch(watcher);
      this.#hasAcks = await this.#probeAcks();
      this.#startedAtMs = performance.now();
      await Promise.all(this.#authors.map(async (editor, author) => this.#type(editor, author)));
      const seconds = (performance.now() - this.#startedAtMs) / 1000;
      const everybody = [...this.#watchers, ...this.#authors];
      for (const editor of everybody) {
        await editor.until(() => this.#hasAllFrom(editor), 'the last edits at all clients');
        // The last edits may be deletions, which advance no clock. That texts differ is told below.
        const isEqual = (): boolean => editor.text() === trace.endContent;
        await editor.until(isEqual, 'equal texts', LAST_EDITS_MS).catch(() => undefined);
      }
      const ackMs = this.#authors.flatMap((editor) => editor.ackLatenciesMs);
      return {
        authors: this.#authors.length,
        watchers,
        edits: this.#edits,
        concurrentEdits: this.#concurrentEdits,
        seconds,
        editsPerSecond: this.#edits / seconds,
        ackMs: this.#hasAcks ? percentiles(ackMs) : null,
        propagationMs: watchers > 0 ? percentiles(this.#propagationsMs) : null,
        isWatchedEqual: everybody.every((editor) => editor.text() === trace.endContent),
      };
    } finally {
      for (const editor of [...this.#authors, ...this.#watchers]) editor.close();
    }
  }

  async #openEditors(count: number): Promise<Editor[]> {
    return Promise.all(
      Array.from({ length: count }, async () => Editor.open(this.#url, this.#document)),
    );
  }

  /** Whether the server answers SyncStatus at all: y-websocket's own servers do not. */
  async #probeAcks(): Promise<boolean> {
    const [editor] = this.#authors;
    if (editor === undefined) return false;
    const answered = editor.nextAck();
    editor.askForAck();
    return Promise.race([answered.then(() => true), delay(ACK_PROBE_MS, false, { ref: false })]);
  }

  async #type(editor: Editor, author: number): Promise<void> {
    let inTurn = 0;
    for (let edit = this.#next(author); edit !== null; edit = this.#next(author)) {
      await this.#untilDue(editor, edit);
      if (this.#isBehind(editor, author)) this.#concurrentEdits += 1;
      const played = this.#played[author];
      if (edit.clockAfter > (played?.clocks.at(-1) ?? 0)) {
        played?.clocks.push(edit.clockAfter);
        played?.atMs.push(performance.now());
      }
      editor.play(edit.update);
      this.#edits += 1;
      this.#options.onProgress?.(this.#edits, this.#script.edits);
      const isPaced = this.#options.dueAtMs !== null;
      if (this.#hasAcks && (isPaced || editor.sent % ASK_EVERY_EDITS === 0)) editor.askForAck();
      if (++inTurn % TURN_EDITS === 0) await nextTurn();
      await this.#untilRoom(editor);
    }
    if (!this.#hasAcks) return;
    editor.askForAck();
    await editor.until(() => editor.acked >= editor.sent, 'the last ack');
  }

  #next(author: number): ScriptEdit | null {
    return this.#script.next(author);
  }

  /** Until the edit's time has come and its author has seen what the original author had seen. */
  async #untilDue(editor: Editor, edit: ScriptEdit): Promise<void> {
    const dueAtMs = this.#options.dueAtMs?.[Math.max(0, edit.index)];
    if (dueAtMs !== undefined) {
      const waitMs = this.#startedAtMs + dueAtMs - performance.now();
      if (waitMs > 0) await delay(waitMs);
    }
    const hasSeen = (): boolean =>
      edit.needs.every(
        (clock, other) =>
          other === edit.author || editor.clock(this.#played[other]?.clientId ?? 0) >= clock,
      );
    if (!hasSeen()) await editor.until(hasSeen, `what edit ${edit.index} builds on`);
  }

  /** Backpressure at full speed: at a pace, edits come when they come. */
  async #untilRoom(editor: Editor): Promise<void> {
    if (this.#hasAcks) {
      if (editor.sent - editor.acked <= WINDOW_EDITS) return;
      await editor.until(() => editor.sent - editor.acked <= WINDOW_EDITS / 2, 'acks');
      return;
    }
    while (editor.buffered > BUFFERED_BYTES_MAX) await delay(5);
  }

  /** True when another author has played what this one has not integrated yet. */
  #isBehind(editor: Editor, author: number): boolean {
    return this.#played.some(
      ({ clientId, clocks }, other) =>
        other !== author && editor.clock(clientId) < (clocks.at(-1) ?? 0),
    );
  }

  #hasAllFrom(editor: Editor): boolean {
    return this.#played.every(
      ({ clientId, clocks }) => editor.clock(clientId) >= (clocks.at(-1) ?? 0),
    );
  }

  #watch(watcher: Editor): void {
    const seen = this.#played.map(() => 0);
    watcher.doc.on('afterTransaction', () => {
      const nowMs = performance.now();
      for (const [author, { clientId, clocks, atMs }] of this.#played.entries()) {
        const clock = watcher.clock(clientId);
        let at = seen[author] ?? 0;
        for (; (clocks[at] ?? Number.POSITIVE_INFINITY) <= clock; at++) {
          this.#propagationsMs.push(nowMs - (atMs[at] ?? 0));
        }
        seen[author] = at;
      }
    });
  }
}
