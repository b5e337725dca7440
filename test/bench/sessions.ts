/**
 * What the writers type: the beginning of a recorded session, by each of them at the same time into one
 * text, as real Yjs updates that were made before the clock starts. The same updates may be played into many
 * documents: what costs a server its time does not depend on their letters.
 */
import * as Y from 'yjs';
import { findTraceOrType, replayTrace, type Trace, TRACE_TEXT } from '../support/traces.ts';

/** Edits of the seeded typist where the recording is missing. */
const FALLBACK_EDITS = 60_000;
const SEED = 1;

export interface Edit {
  readonly update: Uint8Array;
  /** The author's clock behind this edit; null when it only deletes, which advances no clock. */
  readonly clockAfter: number | null;
}

export interface Session {
  readonly clientId: number;
  readonly edits: readonly Edit[];
}

export interface Sessions {
  readonly writers: readonly Session[];
  /** The text when everybody's edits have arrived. */
  readonly text: string;
}

let recording: Trace | null = null;
const made = new Map<string, Sessions>();

export function paper(): Trace {
  recording ??= findTraceOrType('automerge-paper', SEED, FALLBACK_EDITS);
  return recording;
}

export function prepareSessions(writers: number, editsEach: number): Sessions {
  const key = `${writers}×${editsEach}`;
  const known = made.get(key);
  if (known !== undefined) return known;
  const { txns } = paper();
  if (txns.length < editsEach) throw new RangeError(`the recording is shorter than ${editsEach}`);
  // One agent a writer; each only ever builds on what it has typed itself.
  const together: Trace = {
    kind: 'concurrent',
    agents: writers,
    startContent: '',
    endContent: '',
    txns: Array.from({ length: writers * editsEach }, (_, index) => ({
      agent: index % writers,
      parents: index < writers ? [] : [index - writers],
      patches: txns[Math.floor(index / writers)]?.patches ?? [],
    })),
  };
  const edits: Edit[][] = Array.from({ length: writers }, () => []);
  const clientIds: number[] = [];
  const doc = new Y.Doc();
  for (const { agent, update } of replayTrace(together)) {
    Y.applyUpdate(doc, update);
    const [first] = Y.decodeUpdate(update).structs;
    if (first !== undefined) clientIds[agent] = first.id.client;
    const clockAfter = first === undefined ? null : Y.getState(doc.store, first.id.client);
    edits[agent]?.push({ update, clockAfter });
  }
  const sessions = {
    writers: edits.map((list, agent) => ({ clientId: clientIds[agent] ?? 0, edits: list })),
    text: doc.getText(TRACE_TEXT).toJSON(),
  };
  made.set(key, sessions);
  return sessions;
}
