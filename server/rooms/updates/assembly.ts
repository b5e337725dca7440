/**
 * Puts updates together to ONE, byte by byte and without decoding: for each client a section whose bytes are
 * slices of the sections of the updates, in order of clocks, then one delete set. What comes out is a list of
 * parts, most of them views of what went in: nothing is copied but heads and what is smaller than it is worth.
 *
 * `plan` says which structs are taken from where; only where a section is known in part (a state vector that
 * points into its middle, an update that overlaps the one before) do its structs have to be walked, and the
 * caller decides where that is done. `assemble` writes.
 */
import * as encoding from 'lib0/encoding';
import { sliceStruct } from './cut.ts';
import { findStruct, type SectionRest, type UpdateSection } from './outline.ts';

/** An update and where its sections are. */
export interface Source {
  readonly update: Uint8Array;
  readonly sections: readonly UpdateSection[];
}

/** Structs of one client, from one update: all of a section, or from clock `from` on. */
interface Piece {
  readonly update: Uint8Array;
  readonly section: UpdateSection;
  readonly from: number;
}

interface Run {
  readonly client: number;
  readonly clock: number;
  end: number;
  readonly pieces: Piece[];
}

export interface Plan {
  readonly runs: readonly Run[];
  /** Pieces that begin in the middle of their section: their bytes must be walked. */
  readonly divided: readonly Piece[];
  readonly dividedBytes: number;
}

/**
 * What a replica that knows `since` lacks of `sources`, each of which depends only on earlier ones.
 * @throws Error if clocks are missing between them
 */
export function plan(sources: readonly Source[], since: ReadonlyMap<number, number>): Plan {
  const runs = new Map<number, Run>();
  const divided: Piece[] = [];
  let dividedBytes = 0;
  for (const { update, sections } of sources) {
    for (const section of sections) {
      const { client, clock, end } = section;
      const run = runs.get(client);
      const from = run?.end ?? since.get(client) ?? 0;
      if (end <= from) continue;
      if (clock > from) throw new Error('the updates are not complete in themselves');
      const piece: Piece = { update, section, from };
      if (clock < from) {
        divided.push(piece);
        dividedBytes += section.length;
      }
      if (run === undefined) runs.set(client, { client, clock: from, end, pieces: [piece] });
      else {
        run.end = end;
        run.pieces.push(piece);
      }
    }
  }
  // As Yjs writes them, so that its conflict scan has least to do.
  const inOrder = [...runs.values()].toSorted((a, b) => b.client - a.client);
  return { runs: inOrder, divided, dividedBytes };
}

/** The bytes that have to be walked for a plan, with the clocks between which they are divided. */
export interface Division {
  readonly bytes: Uint8Array;
  readonly clock: number;
  readonly from: number;
}

export function divisions({ divided }: Plan): readonly Division[] {
  return divided.map(({ update, section, from }) => ({
    bytes: bytesOf(update, section),
    clock: section.clock,
    from,
  }));
}

export function divide({ bytes, clock, from }: Division): SectionRest {
  return findStruct(bytes, clock, from);
}

export interface Assembly {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
}

/**
 * Writes what was planned. `rests`: the result of `divide` for each of the plan's divisions, in order. `deletes`:
 * a V1 update without structs, whose delete set this one gets.
 */
export function assemble(
  { runs, divided }: Plan,
  rests: readonly SectionRest[],
  deletes: Uint8Array,
): Assembly {
  const restOf = new Map(divided.map((piece, at) => [piece, rests[at] as SectionRest]));
  const parts = new Parts();
  parts.varUint(runs.length);
  for (const { client, clock, pieces } of runs) {
    let structs = 0;
    for (const piece of pieces) {
      structs += piece.section.structs - (restOf.get(piece)?.skipped ?? 0);
    }
    parts.varUint(structs);
    parts.varUint(client);
    parts.varUint(clock);
    for (const piece of pieces) {
      const bytes = bytesOf(piece.update, piece.section);
      const rest = restOf.get(piece);
      if (rest === undefined) {
        parts.add(bytes);
      } else if (rest.clock === piece.from) {
        parts.add(bytes.subarray(rest.offset));
      } else {
        parts.add(sliceOf(bytes, client, rest, piece.from));
        parts.add(bytes.subarray(rest.stop));
      }
    }
  }
  // Its first byte says that it has no structs.
  parts.add(deletes.subarray(1));
  return parts.finish();
}

function bytesOf(update: Uint8Array, { offset, length }: UpdateSection): Uint8Array {
  return update.subarray(offset, offset + length);
}

/** The part of the struct at `rest` that begins at `from`. */
function sliceOf(bytes: Uint8Array, client: number, rest: SectionRest, from: number): Uint8Array {
  const { offset, stop, clock } = rest;
  // The end is not looked at; a struct of a client is sliced by where it starts.
  const run = { client, start: clock, end: from + 1, count: 1 };
  return sliceStruct(
    bytes,
    { ...run, offsets: [offset, stop], clocks: [clock, from + 1] },
    0,
    from,
  );
}

/** Slices below this size are copied: one write to a socket for many of them is cheaper than one each. */
const VIEW_BYTES_MIN = 2 * 1024;

class Parts {
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;
  #open: encoding.Encoder = encoding.createEncoder();

  varUint(value: number): void {
    encoding.writeVarUint(this.#open, value);
  }

  add(bytes: Uint8Array): void {
    if (bytes.length < VIEW_BYTES_MIN) {
      encoding.writeUint8Array(this.#open, bytes);
      return;
    }
    this.#close();
    this.#push(bytes);
  }

  finish(): Assembly {
    this.#close();
    return { parts: this.#parts, bytes: this.#bytes };
  }

  #close(): void {
    if (!encoding.hasContent(this.#open)) return;
    this.#push(encoding.toUint8Array(this.#open));
    this.#open = encoding.createEncoder();
  }

  #push(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
  }
}
