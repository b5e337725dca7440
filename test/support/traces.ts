/**
 * Recorded editing sessions, replayed through real `Y.Doc`s: honest updates, in the order and size in
 * which people make them. The recordings are not part of the project: they are looked for where
 * `TRACES_DIR` points, else in `../shared/traces` beside the project; where there are none, a seeded
 * typist stands in for them and says so on one line.
 *
 * File format: { startContent?, endContent, txns: [{ agent?, parents?, patches: [[position, deleted, inserted]] }] };
 * `parents` name the transactions whose merged state the positions refer to.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import * as Y from 'yjs';
import { seededRandom } from './random.ts';

export type Patch = readonly [position: number, deleted: number, inserted: string];

export interface TraceTransaction {
  readonly agent: number;
  /** Indexes of earlier transactions; their merged state is what the positions refer to. */
  readonly parents: readonly number[];
  readonly patches: readonly Patch[];
}

export interface Trace {
  readonly kind: 'sequential' | 'concurrent';
  /** How many people typed. */
  readonly agents: number;
  readonly startContent: string;
  readonly endContent: string;
  readonly txns: readonly TraceTransaction[];
}

export interface TraceUpdate {
  readonly agent: number;
  readonly update: Uint8Array;
}

/** The root type that a replayed trace is typed into. */
export const TRACE_TEXT = 'text';

/** Scattered over uint32 as honest client ids are, so that they cost as many bytes on the wire. */
export function agentClientId(agent: number): number {
  return Math.imul(agent + 1, 0x9e37_79b1) >>> 0;
}

/** Where a recording lies, or null. `name` as in `automerge-paper`. */
export function findTrace(name: string): string | null {
  // dist/test/support/traces.js is three folders below the project's root.
  const folder =
    process.env['TRACES_DIR'] ??
    fileURLToPath(new URL('../../../../shared/traces', import.meta.url));
  const path = `${folder}/${name}.json.gz`;
  return existsSync(path) ? path : null;
}

/** A recording if there is one, else `edits` edits of the seeded typist; says on one line which. */
export function findTraceOrType(name: string, seed: number, edits: number): Trace {
  const path = findTrace(name);
  if (path !== null) return loadTrace(path);
  process.stderr.write(
    `no recording ${name}: ${edits} edits of the seeded typist (${seed}) instead\n`,
  );
  return seededTypist(seed, edits);
}

interface TraceFile {
  readonly kind?: string;
  readonly numAgents?: number;
  readonly startContent?: string;
  readonly endContent: string;
  readonly txns: readonly {
    readonly agent?: number;
    readonly parents?: readonly number[];
    readonly patches: readonly Patch[];
  }[];
}

/** Reads a recording, gzipped or not. */
export function loadTrace(path: string): Trace {
  const bytes = readFileSync(path);
  const json = path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  const file = JSON.parse(json.toString('utf8')) as TraceFile;
  const isConcurrent = file.kind === 'concurrent';
  const txns = file.txns.map((txn, index) => ({
    agent: isConcurrent ? (txn.agent ?? 0) : 0,
    parents: isConcurrent ? (txn.parents ?? []) : previous(index),
    patches: txn.patches,
  }));
  return {
    kind: isConcurrent ? 'concurrent' : 'sequential',
    agents: isConcurrent ? (file.numAgents ?? 1) : 1,
    startContent: file.startContent ?? '',
    endContent: file.endContent,
    txns,
  };
}

/**
 * One person writing English-looking text: mostly on at the cursor, some backspacing, now and then a jump
 * elsewhere to correct something, as in the recordings (three insertions to each deletion).
 */
export function seededTypist(seed: number, edits: number): Trace {
  const random = seededRandom(seed);
  const txns: TraceTransaction[] = [];
  let text = '';
  let cursor = 0;
  for (let index = 0; index < edits; index++) {
    if (random.oneIn(40)) cursor = random.below(text.length + 1);
    const isDelete = cursor > 0 && random.oneIn(4);
    const letter = random.oneIn(6) ? ' ' : String.fromCodePoint(97 + random.below(26));
    const patch: Patch = isDelete ? [cursor - 1, 1, ''] : [cursor, 0, letter];
    text = text.slice(0, patch[0]) + patch[2] + text.slice(patch[0] + patch[1]);
    cursor = patch[0] + patch[2].length;
    txns.push({ agent: 0, parents: previous(index), patches: [patch] });
  }
  return { kind: 'sequential', agents: 1, startContent: '', endContent: text, txns };
}

/**
 * The updates that the agents' editors would have sent, in causal order: one replica an agent, brought to
 * the state of a transaction's parents before its patches are typed. A transaction that changes nothing
 * gives no update. A sequential trace ends in `endContent`; a concurrent one in a text of which Yjs, not
 * the recording, decides how insertions at the same place are ordered.
 */
export function* replayTrace(trace: Trace): Generator<TraceUpdate> {
  const replicas = Array.from({ length: trace.agents }, (_, agent) => openReplica(agent));
  if (trace.startContent !== '') yield* typeStart(trace.startContent, replicas);
  for (const [index, txn] of trace.txns.entries()) {
    const replica = at(replicas, txn.agent);
    for (const parent of txn.parents) catchUp(replica, parent, trace, replicas);
    const update = type(replica, txn.patches);
    replica.known.set(txn.agent, index);
    // Only other agents ever ask for it.
    if (trace.agents > 1) replica.sent.push({ index, update });
    if (update !== null) yield { agent: txn.agent, update };
  }
}

interface Replica {
  readonly doc: Y.Doc;
  readonly text: Y.Text;
  /** What this agent has typed, by index of the transaction. */
  readonly sent: { readonly index: number; readonly update: Uint8Array | null }[];
  /** The last transaction of each agent that this replica has seen. */
  readonly known: Map<number, number>;
  /** How many entries of each other agent's `sent` have been applied here. */
  readonly taken: Map<number, number>;
}

function openReplica(agent: number): Replica {
  const doc = new Y.Doc();
  doc.clientID = agentClientId(agent);
  return { doc, text: doc.getText(TRACE_TEXT), sent: [], known: new Map(), taken: new Map() };
}

function* typeStart(content: string, replicas: readonly Replica[]): Generator<TraceUpdate> {
  const update = type(at(replicas, 0), [[0, 0, content]]);
  if (update === null) return;
  for (const replica of replicas.slice(1)) Y.applyUpdate(replica.doc, update);
  yield { agent: 0, update };
}

/** Applies what the author of `parent` had typed by then, and first what that author had seen by then. */
function catchUp(
  replica: Replica,
  parent: number,
  trace: Trace,
  replicas: readonly Replica[],
): void {
  // Depth first over the graph, without recursion: a recording may be one long chain.
  const open = [parent];
  while (open.length > 0) {
    const index = open.at(-1) as number;
    const txn = at(trace.txns, index);
    if ((replica.known.get(txn.agent) ?? -1) >= index) {
      open.pop();
      continue;
    }
    const missing = txn.parents.find((p) => (replica.known.get(at(trace.txns, p).agent) ?? -1) < p);
    if (missing !== undefined) {
      open.push(missing);
      continue;
    }
    const author = at(replicas, txn.agent);
    const position = replica.taken.get(txn.agent) ?? 0;
    const entry = at(author.sent, position);
    if (entry.index !== index) throw new Error(`transaction ${index}: its agent's history forks`);
    if (entry.update !== null) Y.applyUpdate(replica.doc, entry.update);
    replica.taken.set(txn.agent, position + 1);
    replica.known.set(txn.agent, index);
    open.pop();
  }
}

function type({ doc, text }: Replica, patches: readonly Patch[]): Uint8Array | null {
  let typed: Uint8Array | null = null;
  const keep = (update: Uint8Array): void => {
    typed = update;
  };
  doc.on('update', keep);
  doc.transact(() => {
    for (const [position, deleted, inserted] of patches) {
      if (deleted > 0) text.delete(position, deleted);
      if (inserted !== '') text.insert(position, inserted);
    }
  });
  doc.off('update', keep);
  return typed;
}

function previous(index: number): readonly number[] {
  return index === 0 ? [] : [index - 1];
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no entry ${index} of ${items.length}`);
  return item;
}
