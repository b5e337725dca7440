/**
 * Sets of clocks as flat lists [from, to, from, to, …]: sorted, `to` exclusive, neither empty nor touching,
 * so that equal sets are equal lists. A recorded session of 77,463 deletions needs some 12,000 of them.
 */

export type Ranges = number[];
export type ReadonlyRanges = readonly number[];

/** Index of the first range that ends at or after `clock`: the first that [clock, …) can touch. */
function firstTouching(ranges: ReadonlyRanges, clock: number): number {
  let low = 0;
  let high = ranges.length >> 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[2 * middle + 1] as number) < clock) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether [from, to) lies within the set. */
export function containsRange(ranges: ReadonlyRanges, from: number, to: number): boolean {
  let at = firstTouching(ranges, from);
  // A range that ends exactly at `from` touches but holds nothing of it.
  if ((ranges[2 * at + 1] as number) === from && from < to) at++;
  return (
    2 * at < ranges.length &&
    (ranges[2 * at] as number) <= from &&
    (ranges[2 * at + 1] as number) >= to
  );
}

/** Adds [from, to); false if it was there already. */
export function addRange(ranges: Ranges, from: number, to: number): boolean {
  const { length } = ranges;
  const last = length === 0 ? -1 : (ranges[length - 1] as number);
  // Nearly all deletes come behind or at the end of the last one: 20 ns instead of a search.
  if (from > last) {
    ranges.push(from, to);
    return true;
  }
  const at = firstTouching(ranges, from);
  const start = ranges[2 * at] as number;
  const stop = ranges[2 * at + 1] as number;
  if (start <= from && stop >= to) return false;
  let end = at;
  let mergedFrom = from;
  let mergedTo = to;
  while (2 * end < length && (ranges[2 * end] as number) <= to) {
    mergedFrom = Math.min(mergedFrom, ranges[2 * end] as number);
    mergedTo = Math.max(mergedTo, ranges[2 * end + 1] as number);
    end++;
  }
  if (end === at + 1) {
    // Grows one range: nothing moves.
    ranges[2 * at] = mergedFrom;
    ranges[2 * at + 1] = mergedTo;
  } else {
    ranges.splice(2 * at, 2 * (end - at), mergedFrom, mergedTo);
  }
  return true;
}

/** Above this many at once, sorting and merging beats inserting: each insertion moves the rest of the list. */
const INSERT_MAX = 32;

/** Adds many ranges in any order, overlapping or not: [from, to, …]. In place. */
export function addRanges(ranges: Ranges, added: readonly number[]): void {
  if (added.length <= 2 * INSERT_MAX) {
    for (let at = 0; at < added.length; at += 2) {
      addRange(ranges, added[at] as number, added[at + 1] as number);
    }
    return;
  }
  const merged = mergeRanges(ranges, sortRanges(added));
  ranges.length = 0;
  for (const clock of merged) ranges.push(clock);
}

/** The union of a set and a list that is sorted by `from`, in one pass. */
export function mergeRanges(ranges: ReadonlyRanges, sorted: readonly number[]): Ranges {
  const merged: Ranges = [];
  let left = 0;
  let right = 0;
  while (left < ranges.length || right < sorted.length) {
    const takesLeft =
      right >= sorted.length ||
      (left < ranges.length && (ranges[left] as number) <= (sorted[right] as number));
    const source = takesLeft ? ranges : sorted;
    const at = takesLeft ? left : right;
    const from = source[at] as number;
    const to = source[at + 1] as number;
    if (takesLeft) left += 2;
    else right += 2;
    const { length } = merged;
    if (length > 0 && from <= (merged[length - 1] as number)) {
      merged[length - 1] = Math.max(merged[length - 1] as number, to);
    } else {
      merged.push(from, to);
    }
  }
  return merged;
}

function sortRanges(ranges: readonly number[]): readonly number[] {
  let isSorted = true;
  for (let at = 2; at < ranges.length && isSorted; at += 2) {
    isSorted = (ranges[at - 2] as number) <= (ranges[at] as number);
  }
  if (isSorted) return ranges;
  const order = Array.from({ length: ranges.length / 2 }, (_, index) => index);
  order.sort((a, b) => (ranges[2 * a] as number) - (ranges[2 * b] as number));
  return order.flatMap((index) => [ranges[2 * index] as number, ranges[2 * index + 1] as number]);
}
