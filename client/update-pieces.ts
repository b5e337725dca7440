/**
 * Cuts a large update into pieces, each a valid update of about a given size that depends only on earlier ones: a
 * server that has taken some of them has a state that was possible, and is asked for the rest by its state vector.
 *
 * Structs go in an order in which they can be integrated: those of one client as they are numbered, each after
 * what it names (its neighbours, its parent). Yjs merges two structs only if the second depends on nothing but the
 * first, so whole structs never wait for each other in a circle. Deletions come last, when what they delete is there.
 */
import * as encoding from 'lib0/encoding';
import * as Y from 'yjs';

type Decoded = ReturnType<typeof Y.decodeUpdate>;
type Struct = Decoded['structs'][number];

interface Line {
  readonly client: number;
  readonly structs: Struct[];
  /** How many of them have gone out. */
  done: number;
}

/** A delete range takes at most this: two varints of 2^53. */
const DELETE_RANGE_BYTES = 16;

/**
 * Pieces of about `bytesMax`; a single struct that is larger is a larger piece. What depends on content that is not
 * in the update stands in the last pieces, as it came: the server will ask for what is missing.
 */
export function* splitUpdate(update: Uint8Array, bytesMax: number): Generator<Uint8Array> {
  if (update.byteLength <= bytesMax) {
    yield update;
    return;
  }
  const { structs, ds } = Y.decodeUpdate(update);
  const piece = new Piece();
  for (const struct of inOrder(structs)) {
    if (piece.bytes >= bytesMax || !piece.takes(struct)) yield piece.take();
    piece.add(struct);
  }
  for (const [client, ranges] of ds.clients) {
    for (const { clock, len } of ranges) {
      if (piece.bytes + DELETE_RANGE_BYTES > bytesMax) yield piece.take();
      piece.delete(client, clock, len);
    }
  }
  if (piece.bytes > 0) yield piece.take();
}

/** Each struct after those of the update that it needs; what cannot be ordered comes last. */
function* inOrder(structs: readonly Struct[]): Generator<Struct> {
  const lines = new Map<number, Line>();
  for (const struct of structs) {
    if (struct instanceof Y.Skip) continue;
    const { client } = struct.id;
    const line = lines.get(client);
    if (line === undefined) lines.set(client, { client, structs: [struct], done: 0 });
    else line.structs.push(struct);
  }
  const waitsFor = (struct: Struct, own: Line): Line | null => {
    for (const id of needsOf(struct)) {
      const line = id.client === own.client ? undefined : lines.get(id.client);
      const next = line?.structs[line.done];
      const last = line?.structs.at(-1);
      if (line === undefined || next === undefined || last === undefined) continue;
      // Before it: known or sent. Behind the end: not in this update.
      if (id.clock >= next.id.clock && id.clock < last.id.clock + last.length) return line;
    }
    return null;
  };
  for (const start of lines.values()) {
    // The walk that Yjs makes: along one line until it needs another, there, and back.
    const path: Line[] = [start];
    const onPath = new Set([start]);
    for (let line = path.at(-1); line !== undefined; line = path.at(-1)) {
      const struct = line.structs[line.done];
      const other = struct === undefined ? null : waitsFor(struct, line);
      if (other !== null && !onPath.has(other)) {
        path.push(other);
        onPath.add(other);
        continue;
      }
      if (struct !== undefined && other === null) {
        line.done++;
        yield struct;
        // Back to whom this one was walked for, which may need no more of it.
        if (path.length === 1) continue;
      }
      path.pop();
      onPath.delete(line);
    }
  }
  for (const line of lines.values()) {
    while (line.done < line.structs.length) yield line.structs[line.done++] as Struct;
  }
}

function needsOf(struct: Struct): Y.ID[] {
  if (!(struct instanceof Y.Item)) return [];
  // As decoded: the parent is an id, or the name of a root.
  const parent = struct.parent as unknown;
  return [struct.origin, struct.rightOrigin, parent].filter((id) => id instanceof Y.ID);
}

interface Section {
  readonly client: number;
  readonly clock: number;
  readonly encoder: Y.UpdateEncoderV1;
  /** The clock after the last struct. */
  end: number;
  count: number;
}

/** An update in the making (V1: sections of structs, then the delete set). */
class Piece {
  readonly #sections = new Map<number, Section>();
  readonly #deletes = new Map<number, [clock: number, length: number][]>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** False when something of its client is missing before it: a section has no holes. */
  takes({ id }: Struct): boolean {
    const section = this.#sections.get(id.client);
    return section === undefined || section.end === id.clock;
  }

  add(struct: Struct): void {
    const { client, clock } = struct.id;
    let section = this.#sections.get(client);
    if (section === undefined) {
      section = { client, clock, encoder: new Y.UpdateEncoderV1(), end: clock, count: 0 };
      this.#sections.set(client, section);
    }
    const { restEncoder } = section.encoder;
    const before = encoding.length(restEncoder);
    struct.write(section.encoder, 0);
    this.#bytes += encoding.length(restEncoder) - before;
    section.end = clock + struct.length;
    section.count++;
  }

  delete(client: number, clock: number, length: number): void {
    const ranges = this.#deletes.get(client) ?? [];
    ranges.push([clock, length]);
    this.#deletes.set(client, ranges);
    this.#bytes += DELETE_RANGE_BYTES;
  }

  take(): Uint8Array {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, this.#sections.size);
    // Higher client ids first, as Yjs writes them.
    const sections = [...this.#sections.values()].toSorted((a, b) => b.client - a.client);
    for (const { client, clock, count, encoder: structs } of sections) {
      encoding.writeVarUint(encoder, count);
      encoding.writeVarUint(encoder, client);
      encoding.writeVarUint(encoder, clock);
      encoding.writeUint8Array(encoder, structs.toUint8Array());
    }
    encoding.writeVarUint(encoder, this.#deletes.size);
    for (const [client, ranges] of this.#deletes) {
      encoding.writeVarUint(encoder, client);
      encoding.writeVarUint(encoder, ranges.length);
      for (const range of ranges) {
        for (const number of range) encoding.writeVarUint(encoder, number);
      }
    }
    this.#sections.clear();
    this.#deletes.clear();
    this.#bytes = 0;
    return encoding.toUint8Array(encoder);
  }
}
