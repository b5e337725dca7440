/**
 * How a flush becomes bytes: coalesced updates, and one frame a wire for all who get it.
 */
import { mergeInLevels } from '../protocol/merge-updates.ts';
import type { Author } from './author.ts';
import { frameBytes, type Frame, type Wire } from './outlet.ts';

/** Updates in a row, as one. */
export interface Run {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly bytes: Uint8Array;
}

/** Fewer updates than this go out as they are, in one write: merging two costs 16 µs, merging 32 costs 50. */
const MERGE_UPDATES_MIN = 6;
/** Merging decodes: what is larger than this in total would hold up the event loop for milliseconds. */
const MERGE_BYTES_MAX = 128 * 1024;
/** Frames up to this size together are copied into one buffer: bytes. */
const JOINED_BYTES_MAX = 16 * 1024;

/** A few updates stay as they are, many become one. */
export function coalesce(
  updates: readonly { readonly seq: number; readonly bytes: Uint8Array }[],
): readonly Run[] {
  const first = updates[0];
  const last = updates.at(-1);
  if (first === undefined || last === undefined) return [];
  const bytes = updates.reduce((sum, update) => sum + update.bytes.byteLength, 0);
  if (updates.length < MERGE_UPDATES_MIN || bytes > MERGE_BYTES_MAX) {
    return updates.map((update) => ({
      firstSeq: update.seq,
      lastSeq: update.seq,
      bytes: update.bytes,
    }));
  }
  const merged = mergeInLevels(updates.map((update) => update.bytes));
  return [{ firstSeq: first.seq, lastSeq: last.seq, bytes: merged }];
}

/** What of these updates authors of this node have made: the others' are known to other nodes. */
export function runsByLocals(
  updates: readonly { readonly seq: number; readonly bytes: Uint8Array; readonly source: Author }[],
  runs: readonly Run[],
): readonly Run[] {
  const locals = updates.filter(({ source }) => source.isRemote !== true);
  return locals.length === updates.length ? runs : coalesce(locals);
}

/** Several frames as one write. */
export function joinFrames(frames: readonly Frame[]): Frame {
  const [first] = frames;
  if (frames.length === 1 && first !== undefined) return first;
  const parts = frames.flat();
  return frameBytes(parts) <= JOINED_BYTES_MAX ? [Buffer.concat(parts)] : parts;
}

/** One frame a wire, made when the first session asks. Most rooms have one wire, so that is looked up first. */
export class FrameCache {
  readonly #make: (wire: Wire) => Frame;
  readonly #frames = new Map<Wire, Frame>();
  #last: { wire: Wire; frame: Frame } | null = null;

  constructor(make: (wire: Wire) => Frame) {
    this.#make = make;
  }

  get(wire: Wire): Frame {
    if (this.#last?.wire === wire) return this.#last.frame;
    let frame = this.#frames.get(wire);
    if (frame === undefined) {
      frame = this.#make(wire);
      this.#frames.set(wire, frame);
    }
    this.#last = { wire, frame };
    return frame;
  }
}
