/**
 * Takes updates apart, byte by byte, and gives what a replica lacks of them:
 *
 * - `cut` a state into chunks of bounded size, each a valid update that depends only on earlier ones, so that
 *   a joining client can be sent them as they are and never keeps anything pending;
 * - `diff` chunks and later updates against what a client has;
 * - `integrablePart` of an update that lacks something: what can be integrated now;
 * - `trim` an update to what is new in it.
 *
 * All copy structs. Nothing is decoded, except the one struct of a client of which a part is known.
 */
import * as Y from 'yjs';
import { BASE_CHUNK_BYTES } from '../../protocol/index.ts';
import { Chunker } from './chunker.ts';
import { KNOWN, NEVER, SectionIndex, emitInOrder } from './emission.ts';
import { SCAN_RULES } from './scan.ts';
import { StructReader } from './struct-reader.ts';
import { readStructs, type StructRun } from './struct-table.ts';
import { UpdateWriter } from './update-writer.ts';
import { Version } from './version.ts';

/**
 * Cuts a valid, complete update. An update without content gives no chunk.
 * @throws Error if its structs depend on something that it does not have
 */
export function cut(update: Uint8Array, chunkBytes: number = BASE_CHUNK_BYTES): Uint8Array[] {
  return diff([update], new Version(), chunkBytes);
}

/**
 * What a replica with this state vector lacks of `updates`, each of which depends only on earlier ones, in
 * chunks. Deletes are all sent: a state vector does not say which are known.
 * @throws Error if something depends on what neither the updates nor the replica have
 */
export function diff(
  updates: readonly Uint8Array[],
  known: Version,
  chunkBytes: number = BASE_CHUNK_BYTES,
): Uint8Array[] {
  const chunker = new Chunker(chunkBytes);
  const reached = new Version(known.stateVector);
  for (const update of updates) {
    const { isComplete, deletes } = emitUnknown(update, reached, {
      addStruct: (client, clock, bytes) => chunker.addStruct(client, clock, bytes),
      addRun: (run, from, to) => chunker.addRun(update, run, from, to),
    });
    if (!isComplete) throw new Error('the updates are not complete in themselves');
    reached.addDeletes(deletes);
  }
  chunker.addDeletes([...reached.deletes].flatMap(([client, ranges]) => asDeletes(client, ranges)));
  return chunker.finish();
}

/**
 * What of a valid update a replica at `version` can integrate now, as an update of its own, or null if that
 * is nothing. What is left out stays with its sender: it lacks something, or depends on what does.
 */
export function integrablePart(update: Uint8Array, version: Version): Uint8Array | null {
  const writer = new UpdateWriter();
  const reached = new Version(version.stateVector);
  const { deletes } = emitUnknown(update, reached, {
    addStruct: (client, clock, bytes) => writer.addStructs(client, clock, 1, bytes),
    addRun: ({ client, offsets, clocks }, from, to) => {
      const bytes = update.subarray(offsets[from], offsets[to]);
      writer.addStructs(client, clocks[from] as number, to - from, bytes);
    },
  });
  writer.setDeletes(newDeletes(deletes, version, reached));
  return writer.isEmpty ? null : writer.finish();
}

/** What is new in an update that was judged `new`: to be stored and forwarded in its place. */
export function trim(update: Uint8Array, version: Version): Uint8Array {
  return integrablePart(update, version) ?? Uint8Array.of(0, 0);
}

interface Sink {
  readonly addStruct: (client: number, clock: number, bytes: Uint8Array) => void;
  readonly addRun: (run: StructRun, from: number, to: number) => void;
}

/**
 * Gives the structs that a replica at `reached` lacks and can integrate, in an order in which it can, and moves
 * `reached` on. `isComplete` is false when some had to be left out.
 */
function emitUnknown(
  update: Uint8Array,
  reached: Version,
  sink: Sink,
): { isComplete: boolean; deletes: readonly number[] } {
  const { runs, edges, deletes } = readStructs(update, reached);
  const index = new SectionIndex(runs);
  const before = new Version(reached.stateVector);

  const locate = (client: number, clock: number): number => {
    if (clock < before.clockOf(client)) return KNOWN;
    const section = index.find(client, clock);
    return section === -1 ? NEVER : section;
  };
  const emit = (section: number, from: number, to: number): void => {
    const run = runs[section] as StructRun;
    const known = before.clockOf(run.client);
    let first = from;
    if ((run.clocks[first] as number) < known) {
      sink.addStruct(run.client, known, sliceStruct(update, run, first, known));
      first++;
    }
    if (first < to) sink.addRun(run, first, to);
    reached.advance(run.client, run.clocks[to] as number);
  };
  const ends = emitInOrder({ sections: runs, edges, locate, emit });
  return { isComplete: runs.every((run, at) => ends[at] === run.end), deletes };
}

/** The delete ranges that are not known yet, each only as far as what it deletes exists. */
function newDeletes(
  deletes: readonly number[],
  version: Version,
  reached: Version,
): readonly number[] {
  const added: number[] = [];
  for (let at = 0; at < deletes.length; at += 3) {
    const client = deletes[at] as number;
    const clock = deletes[at + 1] as number;
    const length = Math.min(deletes[at + 2] as number, reached.clockOf(client) - clock);
    if (length > 0 && !version.hasDeletes(client, clock, length)) added.push(client, clock, length);
  }
  return added;
}

function asDeletes(client: number, ranges: readonly number[]): readonly number[] {
  const deletes: number[] = [];
  for (let at = 0; at < ranges.length; at += 2) {
    const from = ranges[at] as number;
    deletes.push(client, from, (ranges[at + 1] as number) - from);
  }
  return deletes;
}

/** The bytes of the part of a struct that starts at `clock`, as Yjs itself slices it. */
export function sliceStruct(
  update: Uint8Array,
  run: StructRun,
  struct: number,
  clock: number,
): Uint8Array {
  const writer = new UpdateWriter();
  const bytes = update.subarray(run.offsets[struct], run.offsets[struct + 1]);
  writer.addStructs(run.client, run.clocks[struct] as number, 1, bytes);
  const sliced = Y.diffUpdate(writer.finish(), Y.encodeStateVector(new Map([[run.client, clock]])));
  const reader = new StructReader(sliced, SCAN_RULES.stored);
  // Sections, structs, client, clock.
  for (let head = 0; head < 4; head++) reader.varUint();
  reader.next();
  return sliced.subarray(reader.start, reader.pos);
}
