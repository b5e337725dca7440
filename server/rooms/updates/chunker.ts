/**
 * Collects struct bytes into updates of bounded size, in the order in which they come: where that order is one
 * in which they can be integrated, every prefix of the chunks leaves nothing pending.
 */
import { SCAN_RULES } from './scan.ts';
import { splitString } from './split-string.ts';
import { REF, StructReader } from './struct-reader.ts';
import type { StructRun } from './struct-table.ts';
import { DELETE_BYTES_MAX, UpdateWriter } from './update-writer.ts';

export class Chunker {
  readonly chunks: Uint8Array[] = [];
  readonly #writer = new UpdateWriter();
  readonly #chunkBytes: number;

  /** Only a struct that is larger by itself, and no string, makes a larger chunk. */
  constructor(chunkBytes: number) {
    this.#chunkBytes = chunkBytes;
  }

  /** One struct, or several of a client that follow each other and together are known to be small. */
  addStruct(client: number, clock: number, bytes: Uint8Array): void {
    this.#add(client, clock, 1, bytes);
  }

  /** Structs `from` up to `to` of a run, as they lie in `update`. */
  addRun(update: Uint8Array, run: StructRun, from: number, to: number): void {
    const { client, offsets, clocks } = run;
    const bytesOf = (first: number, last: number): Uint8Array =>
      update.subarray(offsets[first], offsets[last]);
    let first = from;
    for (let struct = from; struct < to; struct++) {
      const size = (offsets[struct + 1] as number) - (offsets[first] as number);
      if (this.#fits(client, size)) continue;
      // No longer fits: what came before it goes into the open chunk, and it begins the next one.
      if (struct > first) {
        this.#add(client, clocks[first] as number, struct - first, bytesOf(first, struct));
      }
      this.#flush();
      first = struct;
      if (this.#fits(client, (offsets[struct + 1] as number) - (offsets[struct] as number)))
        continue;
      this.#addLarge(client, clocks[struct] as number, bytesOf(struct, struct + 1));
      first = struct + 1;
    }
    if (first < to) this.#add(client, clocks[first] as number, to - first, bytesOf(first, to));
  }

  /** The delete set, [client, clock, length, …], ranges of one client together. Comes last. */
  addDeletes(deletes: readonly number[]): void {
    const atOnce = Math.max(1, Math.floor(this.#chunkBytes / DELETE_BYTES_MAX) - 1);
    for (let at = 0; at < deletes.length; at += 3 * atOnce) {
      const part = deletes.slice(at, at + 3 * atOnce);
      if (this.#writer.bytesMax + (part.length / 3) * DELETE_BYTES_MAX > this.#chunkBytes)
        this.#flush();
      this.#writer.setDeletes(part);
      this.#flush();
    }
  }

  /** All chunks. Without content there are none. */
  finish(): Uint8Array[] {
    this.#flush();
    return this.chunks;
  }

  #addLarge(client: number, clock: number, bytes: Uint8Array): void {
    const reader = new StructReader(bytes, SCAN_RULES.stored);
    reader.next();
    if (reader.ref !== REF.string) {
      this.#add(client, clock, 1, bytes);
      return;
    }
    for (const piece of splitString(reader, client, clock, this.#chunkBytes)) {
      this.#add(client, piece.clock, 1, piece.bytes);
    }
  }

  #add(client: number, clock: number, count: number, bytes: Uint8Array): void {
    if (!this.#fits(client, bytes.length)) this.#flush();
    this.#writer.addStructs(client, clock, count, bytes);
  }

  #fits(client: number, bytes: number): boolean {
    return this.#writer.bytesWith(client, bytes) <= this.#chunkBytes;
  }

  #flush(): void {
    if (!this.#writer.isEmpty) this.chunks.push(this.#writer.finish());
  }
}
