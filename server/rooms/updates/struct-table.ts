/**
 * Where the structs of an update lie in its bytes, and what they depend on: enough to take an update apart
 * and put its pieces together again without decoding them. A struct's bytes say neither its client nor its
 * clock, so they may be copied from one section to another.
 */
import { Edges, type Section } from './emission.ts';
import { SCAN_RULES, readDeletes } from './scan.ts';
import { NO_CLIENT, REF, StructReader } from './struct-reader.ts';
import type { Version } from './version.ts';

/** A run of one client's structs. The `count`-th offset and clock are those behind the last struct. */
export interface StructRun extends Section {
  readonly offsets: readonly number[];
  readonly clocks: readonly number[];
}

export interface StructTable {
  readonly runs: readonly StructRun[];
  /** Between structs of different clients, and from a run to what precedes it. */
  readonly edges: Edges;
  /** [client, clock, length, …] */
  readonly deletes: readonly number[];
}

/**
 * Lists the structs that a replica at `version` does not know; the first of a run may be known in part. The
 * update must be valid (`scan` with trust `stored`), otherwise this throws.
 */
export function readStructs(update: Uint8Array, version: Version): StructTable {
  const rules = SCAN_RULES.stored;
  const reader = new StructReader(update, rules);
  const runs: StructRun[] = [];
  const edges = new Edges();
  for (let left = reader.count(5); left > 0; left--) readSection(reader, version, runs, edges);
  return { runs, edges, deletes: readDeletes(reader, rules) };
}

function readSection(
  reader: StructReader,
  version: Version,
  runs: StructRun[],
  edges: Edges,
): void {
  const count = reader.count(2);
  const client = reader.client();
  const known = version.clockOf(client);
  let clock = reader.clock();
  let offsets: number[] = [];
  let clocks: number[] = [];

  const endRun = (offset: number): void => {
    const [start] = clocks;
    if (start === undefined) return;
    runs.push({ client, start, end: clock, count: clocks.length, offsets, clocks });
    offsets.push(offset);
    clocks.push(clock);
    offsets = [];
    clocks = [];
  };

  for (let left = count; left > 0; left--) {
    reader.next();
    const end = clock + reader.length;
    if (reader.ref === REF.skip) {
      endRun(reader.start);
    } else if (end > known) {
      if (clocks.length === 0) {
        edges.startSection();
        if (clock > known) edges.add(0, clock, client, clock - 1);
      }
      addEdges(edges, reader, clocks.length, clock, client);
      offsets.push(reader.start);
      clocks.push(clock);
    }
    clock = end;
  }
  endRun(reader.pos);
}

function addEdges(
  edges: Edges,
  reader: StructReader,
  struct: number,
  clock: number,
  client: number,
): void {
  if (reader.originClient !== NO_CLIENT && reader.originClient !== client) {
    edges.add(struct, clock, reader.originClient, reader.originClock);
  }
  if (reader.rightClient !== NO_CLIENT && reader.rightClient !== client) {
    edges.add(struct, clock, reader.rightClient, reader.rightClock);
  }
  if (reader.parentClient !== NO_CLIENT && reader.parentClient !== client) {
    edges.add(struct, clock, reader.parentClient, reader.parentClock);
  }
}
