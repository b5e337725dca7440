/**
 * Where each unit of a stale text now stands in the current one. While an input method composes, the field
 * must not be rewritten, so what others do meanwhile reaches the document but not the field; this keeps the
 * two aligned, so that what is being composed lands where it is seen.
 *
 * It costs a number per unit, and exists only from the first foreign change in a composition to its end.
 */
import { mapOffset } from './text-change.ts';
import type { TextChange } from './text-change.ts';

const DELETED = -1;

export class Alignment {
  #positions: number[];

  /** `length`: units in the field, which at this moment shows the text as it is. */
  constructor(length: number) {
    this.#positions = Array.from({ length }, (_, index) => index);
  }

  /** The text changed. */
  follow(change: TextChange): void {
    this.#positions = this.#positions.map((position) => {
      if (position === DELETED || isDeleted(position, change)) return DELETED;
      return mapOffset(position, change, 'after');
    });
  }

  /** The field changed: `inserted` units at `index`, which stand at `position` in the text. */
  insert(index: number, position: number, inserted: number): void {
    const added = Array.from({ length: inserted }, (_, offset) => position + offset);
    this.#positions = [
      ...this.#positions.slice(0, index),
      ...added,
      ...this.#positions.slice(index),
    ];
  }

  /** The field changed: these units are gone from it. */
  remove(index: number, removed: number): void {
    this.#positions.splice(index, removed);
  }

  /** Where an offset of the field is in the text: right behind the nearest unit before it that is left. */
  place(index: number): number {
    for (let left = index - 1; left >= 0; left--) {
      const position = this.#positions[left];
      if (position !== undefined && position !== DELETED) return position + 1;
    }
    return 0;
  }

  /** Where the units of the field from `index` are in the text, last first; those deleted there are left out. */
  unitsFromTheEnd(index: number, count: number): number[] {
    return this.#positions
      .slice(index, index + count)
      .filter((position) => position !== DELETED)
      .toReversed();
  }
}

function isDeleted(position: number, change: TextChange): boolean {
  let at = 0;
  for (const op of change) {
    if (op.insert !== undefined) continue;
    const length = op.delete ?? op.retain ?? 0;
    if (position < at + length) return op.delete !== undefined;
    at += length;
  }
  return false;
}
