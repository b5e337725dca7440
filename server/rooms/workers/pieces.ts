/**
 * Pieces of items and what they hold: slices that are compared, and copied into new items. A unit is what takes
 * one clock: a UTF-16 code unit, a JSON value, a type, a mark of formatting.
 */
import { isDeepStrictEqual } from 'node:util';
import * as Y from 'yjs';
import { listItems, mapItems, type SharedType } from './whole-document.ts';

/** The units [from, to) of an item. */
export interface Piece {
  readonly item: Y.Item;
  readonly from: number;
  readonly to: number;
}

export function pieceOf(item: Y.Item): Piece {
  return { item, from: 0, to: item.length };
}

/** The id of its last unit. */
export function lastIdOf({ item, to }: Piece): Y.ID {
  return Y.createID(item.id.client, item.id.clock + to - 1);
}

/** Content of its own, for a new item. Types come empty; documents are new instances of the same guid. */
export function copyContent({ item: { content }, from, to }: Piece): Y.Item['content'] {
  if (content instanceof Y.ContentString) return new Y.ContentString(content.str.slice(from, to));
  if (content instanceof Y.ContentAny) return new Y.ContentAny(content.arr.slice(from, to));
  if (content instanceof Y.ContentJSON) return new Y.ContentJSON(content.arr.slice(from, to));
  if (content instanceof Y.ContentType) return new Y.ContentType(content.type._copy());
  // The rest takes one clock.
  return content.copy();
}

/** How many units two pieces have in common, from their starts. */
export function commonUnits(a: Piece, b: Piece): number {
  const ours = a.item.content;
  const theirs = b.item.content;
  const length = Math.min(a.to - a.from, b.to - b.from);
  if (ours instanceof Y.ContentString && theirs instanceof Y.ContentString) {
    return commonText(ours.str, a.from, theirs.str, b.from, length);
  }
  if (
    (ours instanceof Y.ContentAny && theirs instanceof Y.ContentAny) ||
    (ours instanceof Y.ContentJSON && theirs instanceof Y.ContentJSON)
  ) {
    for (let unit = 0; unit < length; unit++) {
      const left: unknown = ours.arr[a.from + unit];
      if (!isDeepStrictEqual(left, theirs.arr[b.from + unit])) return unit;
    }
    return length;
  }
  return haveEqualContent(ours, theirs) ? length : 0;
}

/** Of contents that take one clock. */
function haveEqualContent(a: Y.Item['content'], b: Y.Item['content']): boolean {
  if (a instanceof Y.ContentFormat && b instanceof Y.ContentFormat) {
    return a.key === b.key && isDeepStrictEqual(a.value, b.value);
  }
  if (a instanceof Y.ContentEmbed && b instanceof Y.ContentEmbed) {
    return isDeepStrictEqual(a.embed, b.embed);
  }
  if (a instanceof Y.ContentBinary && b instanceof Y.ContentBinary) {
    return isDeepStrictEqual(a.content, b.content);
  }
  if (a instanceof Y.ContentDoc && b instanceof Y.ContentDoc) {
    return a.doc.guid === b.doc.guid && isDeepStrictEqual(a.opts, b.opts);
  }
  if (a instanceof Y.ContentType && b instanceof Y.ContentType) return areEqual(a.type, b.type);
  return false;
}

/** Whether two types are of one kind and show the same. */
function areEqual(a: SharedType, b: SharedType): boolean {
  if (a.constructor !== b.constructor || tagOf(a) !== tagOf(b)) return false;
  const ours = mapItems(a);
  const theirs = mapItems(b);
  if (ours.length !== theirs.length) return false;
  const haveEqualMaps = ours.every(([key, item], at) => {
    const [otherKey, other] = theirs[at] as readonly [string, Y.Item];
    return key === otherKey && haveEqualValues(item, other);
  });
  if (!haveEqualMaps) return false;
  const left = trimCommon(Array.from(listItems(a), pieceOf), Array.from(listItems(b), pieceOf));
  return left.ours.length === 0 && left.theirs.length === 0;
}

/** The value of a map key is the last unit of its item. */
export function valueOf(item: Y.Item): Piece {
  return { item, from: item.length - 1, to: item.length };
}

export function haveEqualValues(a: Y.Item, b: Y.Item): boolean {
  return commonUnits(valueOf(a), valueOf(b)) === 1;
}

/** Two lists without their common beginning; `kept` is the last of what was common of ours. */
export function trimCommon(
  ours: readonly Piece[],
  theirs: readonly Piece[],
): {
  readonly ours: readonly Piece[];
  readonly theirs: readonly Piece[];
  readonly kept: Y.ID | null;
} {
  let [at, otherAt] = [0, 0];
  let [piece, other] = [ours[0], theirs[0]];
  let kept: Y.ID | null = null;
  while (piece !== undefined && other !== undefined) {
    const common = commonUnits(piece, other);
    if (common === 0) break;
    kept = lastIdOf({ ...piece, to: piece.from + common });
    piece = piece.from + common < piece.to ? { ...piece, from: piece.from + common } : ours[++at];
    other =
      other.from + common < other.to ? { ...other, from: other.from + common } : theirs[++otherAt];
  }
  return {
    ours: piece === undefined ? [] : [piece, ...ours.slice(at + 1)],
    theirs: other === undefined ? [] : [other, ...theirs.slice(otherAt + 1)],
    kept,
  };
}

function tagOf(type: SharedType): string | null {
  if (type instanceof Y.XmlElement) return type.nodeName;
  return type instanceof Y.XmlHook ? type.hookName : null;
}

function commonText(a: string, aFrom: number, b: string, bFrom: number, length: number): number {
  let at = 0;
  while (at < length && a.charCodeAt(aFrom + at) === b.charCodeAt(bFrom + at)) at++;
  // Half a surrogate pair is not kept: Yjs replaces both halves of a pair that is split.
  return at < length && at > 0 && isHighSurrogate(a.charCodeAt(aFrom + at - 1)) ? at - 1 : at;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
