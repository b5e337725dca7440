/**
 * A recorded session as something to play: whose edit it is, the real Yjs update that typing it made, what
 * its author had to have seen before. Edits come in the order of the recording, each author's own stay in
 * order, and an edit only ever needs earlier ones: whoever plays them so cannot deadlock.
 */
import * as Y from 'yjs';
import { agentClientId, replayTrace, type Trace } from '../support/traces.ts';

export interface ScriptEdit {
  readonly author: number;
  /** Place in the recording; -1 for the text that the session started with. */
  readonly index: number;
  readonly update: Uint8Array;
  /** The author's clock behind this edit; deletions alone advance none, and repeat the one before. */
  readonly clockAfter: number;
  /** Clocks of the other authors, by author, that its author must have integrated. */
  readonly needs: readonly number[];
}

export class Script {
  readonly authors: number;
  readonly edits: number;
  readonly #source: Generator<ScriptEdit>;
  readonly #queues: ScriptEdit[][];

  constructor(trace: Trace) {
    this.authors = trace.agents;
    this.edits = trace.txns.filter(changesText).length + (trace.startContent === '' ? 0 : 1);
    this.#source = readScript(inOrderOfClientIds(trace));
    this.#queues = Array.from({ length: trace.agents }, () => []);
  }

  /** This author's next edit, null at the end. Made as it is asked for: a long session needs no memory. */
  next(author: number): ScriptEdit | null {
    for (;;) {
      const own = this.#queues[author]?.shift();
      if (own !== undefined) return own;
      const step = this.#source.next();
      if (step.done === true) return null;
      this.#queues[step.value.author]?.push(step.value);
    }
  }

  clientId(author: number): number {
    return agentClientId(labels(this.authors)[author] ?? 0);
  }
}

/**
 * Where two people insert at the same place, Yjs puts the lower client id first; the recordings put the
 * lower agent first. So the first agent gets the lowest id, and the text ends as it was recorded.
 */
function labels(agents: number): number[] {
  return Array.from({ length: agents }, (_, agent) => agent).toSorted(
    (a, b) => agentClientId(a) - agentClientId(b),
  );
}

function inOrderOfClientIds(trace: Trace): Trace {
  const label = labels(trace.agents);
  return {
    ...trace,
    txns: trace.txns.map((txn) => ({ ...txn, agent: label[txn.agent] ?? txn.agent })),
  };
}

/** Transactions that change nothing give no update. */
function changesText({ patches }: Trace['txns'][number]): boolean {
  return patches.some(([, deleted, inserted]) => deleted > 0 || inserted !== '');
}

function* readScript(trace: Trace): Generator<ScriptEdit> {
  const authorOf = new Map(labels(trace.agents).map((label, author) => [label, author]));
  const updates = replayTrace(trace);
  const clocks = Array.from({ length: trace.agents }, () => 0);
  /** Per transaction, the last transaction of each author that it builds on; only where several type. */
  const known: number[][] = [];
  const clockAt: number[] = [];

  const play = (index: number, needs: readonly number[]): ScriptEdit => {
    const step = updates.next();
    if (step.done === true) throw new Error(`transaction ${index}: the replay gave no update`);
    const { agent, update } = step.value;
    const author = authorOf.get(agent) ?? 0;
    for (const struct of Y.decodeUpdate(update).structs) {
      clocks[author] = struct.id.clock + struct.length;
    }
    return { author, index, update, clockAfter: clocks[author] ?? 0, needs };
  };

  if (trace.startContent !== '') yield play(-1, []);
  const start = [...clocks];
  for (const [index, txn] of trace.txns.entries()) {
    let needs: number[] = [];
    if (trace.agents > 1) {
      const seen = latestOf(
        txn.parents.map((parent) => known[parent] ?? []),
        trace.agents,
      );
      needs = seen.map((last, author) => clockAt[last] ?? start[author] ?? 0);
      known.push(seen.with(authorOf.get(txn.agent) ?? 0, index));
    }
    if (changesText(txn)) yield play(index, needs);
    if (trace.agents > 1) clockAt.push(clocks[authorOf.get(txn.agent) ?? 0] ?? 0);
  }
}

function latestOf(versions: readonly (readonly number[])[], agents: number): number[] {
  return Array.from({ length: agents }, (_, author) =>
    Math.max(-1, ...versions.map((version) => version[author] ?? -1)),
  );
}
