/**
 * A flush, for its authors whose acks are echoes: everything but what they wrote themselves. With many authors in one
 * flush merging anew for each would be quadratic, so the authors' updates are merged in a binary tree, once; who is left
 * out gets the siblings on the way to its leaf, log2(authors) updates.
 */
import type { Author } from './author.ts';
import { coalesce, joinFrames } from './broadcast.ts';
import type { Frame, Wire } from './outlet.ts';

interface Authored {
  readonly seq: number;
  readonly bytes: Uint8Array;
  readonly source: Author;
}

export class Others {
  readonly #groups: readonly (readonly Authored[])[];
  readonly #places = new Map<Author, number>();
  readonly #frames = new Map<Wire, Map<string, Frame>>();

  constructor(pending: readonly Authored[]) {
    const groups: Authored[][] = [];
    for (const update of pending) {
      const place = this.#places.get(update.source);
      if (place !== undefined) groups[place]?.push(update);
      else {
        this.#places.set(update.source, groups.length);
        groups.push([update]);
      }
    }
    this.#groups = groups;
  }

  /** Null: `author` wrote all of it. */
  frameFor(author: Author, wire: Wire): Frame | null {
    const place = this.#places.get(author) ?? -1;
    const frames: Frame[] = [];
    let from = 0;
    let to = this.#groups.length;
    while (to - from > 1) {
      const middle = (from + to) >> 1;
      if (place < middle) {
        frames.push(this.#frameOf(middle, to, wire));
        to = middle;
      } else {
        frames.push(this.#frameOf(from, middle, wire));
        from = middle;
      }
    }
    // Outermost first is no order of time; Yjs keeps what comes early until what it needs is there.
    return frames.length === 0 ? null : joinFrames(frames.toReversed());
  }

  has(author: Author): boolean {
    return this.#places.has(author);
  }

  #frameOf(from: number, to: number, wire: Wire): Frame {
    let ofWire = this.#frames.get(wire);
    if (ofWire === undefined) this.#frames.set(wire, (ofWire = new Map<string, Frame>()));
    const key = `${from}-${to}`;
    let frame = ofWire.get(key);
    if (frame === undefined) {
      const updates = this.#groups
        .slice(from, to)
        .flat()
        .toSorted((a, b) => a.seq - b.seq);
      frame = joinFrames(coalesce(updates).map(({ bytes }) => wire.update(bytes)));
      ofWire.set(key, frame);
    }
    return frame;
  }
}
