/**
 * Puts struct bytes together to a V1 update: sections in descending order of client, as Yjs writes them, so
 * that its conflict scan has least to do. The structs of one client must be added in order, without holes.
 */
import * as encoding from 'lib0/encoding';

/** Upper bound of what a section's head takes: count, client and clock as varints. */
const SECTION_HEAD_BYTES = 20;
/** The number of sections and of clients in the delete set. */
const UPDATE_HEAD_BYTES = 12;

/** A delete range: two varints of at most eight bytes, and the head of its client. */
export const DELETE_BYTES_MAX: number = 16 + SECTION_HEAD_BYTES;

interface OpenSection {
  readonly clock: number;
  count: number;
  readonly parts: Uint8Array[];
}

export class UpdateWriter {
  #sections: Map<number, OpenSection> = new Map();
  #deletes: readonly number[] = [];
  /** At most this many bytes will come out. */
  bytesMax: number = UPDATE_HEAD_BYTES;

  get isEmpty(): boolean {
    return this.#sections.size === 0 && this.#deletes.length === 0;
  }

  /** What `bytesMax` would be after adding `bytes` bytes of structs of a client. */
  bytesWith(client: number, bytes: number): number {
    return this.bytesMax + bytes + (this.#sections.has(client) ? 0 : SECTION_HEAD_BYTES);
  }

  /** Adds `count` structs, the first of which starts at `clock`. */
  addStructs(client: number, clock: number, count: number, bytes: Uint8Array): void {
    this.bytesMax = this.bytesWith(client, bytes.length);
    const section = this.#sections.get(client);
    if (section === undefined) {
      this.#sections.set(client, { clock, count, parts: [bytes] });
    } else {
      section.count += count;
      section.parts.push(bytes);
    }
  }

  /** Sets the delete set: [client, clock, length, …], the ranges of one client together. */
  setDeletes(deletes: readonly number[]): void {
    this.bytesMax += (deletes.length / 3) * DELETE_BYTES_MAX;
    this.#deletes = deletes;
  }

  /** The update; the writer is empty again. */
  finish(): Uint8Array {
    const encoder = encoding.createEncoder();
    const sections = [...this.#sections].toSorted(([a], [b]) => b - a);
    encoding.writeVarUint(encoder, sections.length);
    for (const [client, { clock, count, parts }] of sections) {
      encoding.writeVarUint(encoder, count);
      encoding.writeVarUint(encoder, client);
      encoding.writeVarUint(encoder, clock);
      for (const part of parts) encoding.writeUint8Array(encoder, part);
    }
    writeDeletes(encoder, this.#deletes);
    this.#sections = new Map();
    this.#deletes = [];
    this.bytesMax = UPDATE_HEAD_BYTES;
    return encoding.toUint8Array(encoder);
  }
}

function writeDeletes(encoder: encoding.Encoder, deletes: readonly number[]): void {
  const starts: number[] = [];
  for (let at = 0; at < deletes.length; at += 3) {
    if (at === 0 || deletes[at] !== deletes[at - 3]) starts.push(at);
  }
  encoding.writeVarUint(encoder, starts.length);
  for (const [index, start] of starts.entries()) {
    const stop = starts[index + 1] ?? deletes.length;
    encoding.writeVarUint(encoder, deletes[start] as number);
    encoding.writeVarUint(encoder, (stop - start) / 3);
    for (let at = start; at < stop; at += 3) {
      encoding.writeVarUint(encoder, deletes[at + 1] as number);
      encoding.writeVarUint(encoder, deletes[at + 2] as number);
    }
  }
}
