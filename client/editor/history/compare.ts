/** What was added and removed between two versions: block by block, and word by word where a block was changed. */
import { diffArrays, diffWordsWithSpace } from 'diff';
import type { Block } from './blocks.ts';

export type Change = 'same' | 'added' | 'removed';

export interface Piece {
  readonly change: Change;
  readonly text: string;
}

export interface ComparedBlock {
  readonly style: Block['style'];
  readonly change: Change | 'changed';
  readonly pieces: readonly Piece[];
}

/** Texts with less in common are shown one after the other: a share of the longer one. */
const ALIKE_MIN = 0.4;
/** More differences than this are not looked for; everything in between then shows as replaced. */
const EDITS_MAX = 4_000;

export function compare(
  before: readonly Block[],
  after: readonly Block[],
): readonly ComparedBlock[] {
  const parts = diffArrays([...before], [...after], {
    comparator: (a, b) => a.text === b.text && a.style === b.style,
    maxEditLength: EDITS_MAX,
  }) ?? [
    { value: [...before], removed: true, added: false },
    { value: [...after], removed: false, added: true },
  ];
  const found: ComparedBlock[] = [];
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at];
    const next = parts[at + 1];
    if (part === undefined) continue;
    if (part.removed && next?.added === true) {
      found.push(...paired(part.value, next.value));
      at += 1;
    } else {
      const change = part.added ? 'added' : part.removed ? 'removed' : 'same';
      found.push(...part.value.map((block) => whole(block, change)));
    }
  }
  return found;
}

/** Blocks that were replaced by others: those that are alike are shown as one, changed. */
function paired(removed: readonly Block[], added: readonly Block[]): ComparedBlock[] {
  const found: ComparedBlock[] = [];
  const count = Math.max(removed.length, added.length);
  for (let at = 0; at < count; at++) {
    const [old, now] = [removed[at], added[at]];
    const pieces = old === undefined || now === undefined ? null : words(old.text, now.text);
    if (pieces !== null && now !== undefined) {
      found.push({ style: now.style, change: 'changed', pieces });
    } else {
      if (old !== undefined) found.push(whole(old, 'removed'));
      if (now !== undefined) found.push(whole(now, 'added'));
    }
  }
  return found;
}

/** Null: too little is the same. */
function words(before: string, after: string): readonly Piece[] | null {
  const parts = diffWordsWithSpace(before, after, { maxEditLength: EDITS_MAX });
  if (parts === undefined) return null;
  const same = parts
    .filter((part) => !part.added && !part.removed)
    .reduce((length, part) => length + part.value.length, 0);
  if (same < ALIKE_MIN * Math.max(before.length, after.length)) return null;
  return parts.map(({ added, removed, value }) => ({
    change: added ? 'added' : removed ? 'removed' : 'same',
    text: value,
  }));
}

function whole(block: Block, change: Change): ComparedBlock {
  return { style: block.style, change, pieces: [{ change, text: block.text }] };
}

/** Long runs of what is the same are folded: what changed is what one looks for. */
export function countChanges(blocks: readonly ComparedBlock[]): {
  readonly added: number;
  readonly removed: number;
} {
  let [added, removed] = [0, 0];
  for (const { pieces } of blocks) {
    for (const { change, text } of pieces) {
      const count = text.split(/\s+/).filter(Boolean).length;
      if (change === 'added') added += count;
      else if (change === 'removed') removed += count;
    }
  }
  return { added, removed };
}
