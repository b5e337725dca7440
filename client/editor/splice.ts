/**
 * The difference between two states of a text field as one splice, placed where the user made it: at the
 * caret, when repeated characters leave a choice, and never through the middle of a surrogate pair (Yjs turns
 * halves into U+FFFD). All offsets are UTF-16 units.
 */
export interface Splice {
  readonly index: number;
  readonly remove: number;
  readonly insert: string;
}

/** Null when nothing changed. `caret`: where the selection ends in `after`; input leaves it behind the change. */
export function spliceBetween(before: string, after: string, caret: number): Splice | null {
  if (before === after) return null;
  const lengthMin = Math.min(before.length, after.length);
  // First only what lies behind the caret may be common, so that the change ends at the caret ...
  let suffix = commonSuffix(before, after, Math.min(lengthMin, after.length - caret), 0);
  let prefix = commonPrefix(before, after, lengthMin - suffix);
  // ... and whatever else both ends share goes too: a change made elsewhere, by a spelling correction.
  suffix = commonSuffix(before, after, lengthMin - prefix, suffix);
  while (isInsidePair(before, prefix) || isInsidePair(after, prefix)) prefix -= 1;
  while (
    isInsidePair(before, before.length - suffix) ||
    isInsidePair(after, after.length - suffix)
  ) {
    suffix -= 1;
  }
  return {
    index: prefix,
    remove: before.length - suffix - prefix,
    insert: after.slice(prefix, after.length - suffix),
  };
}

function commonPrefix(a: string, b: string, max: number): number {
  let length = 0;
  while (length < max && a.charCodeAt(length) === b.charCodeAt(length)) length += 1;
  return length;
}

function commonSuffix(a: string, b: string, max: number, known: number): number {
  let length = known;
  while (
    length < max &&
    a.charCodeAt(a.length - 1 - length) === b.charCodeAt(b.length - 1 - length)
  ) {
    length += 1;
  }
  return length;
}

/** Whether `index` separates a high surrogate from its low one. */
function isInsidePair(text: string, index: number): boolean {
  if (index <= 0 || index >= text.length) return false;
  const left = text.charCodeAt(index - 1);
  const right = text.charCodeAt(index);
  return left >= 0xd800 && left < 0xdc00 && right >= 0xdc00 && right < 0xe000;
}
