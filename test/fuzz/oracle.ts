/**
 * What `check` promises, judged by a real `Y.Doc`. `examine` gives null, or a sentence that says which promise
 * an update broke.
 */
import * as Y from 'yjs';
import { check, trim, type Verdict } from '../../server/rooms/updates/check.ts';
import { integrablePart } from '../../server/rooms/updates/cut.ts';
import { Version } from '../../server/rooms/updates/version.ts';
import { isWhole, load, loadQuietly, versionOf } from '../support/docs.ts';

/** A document and what the check knows of it. */
export interface Base {
  readonly state: Uint8Array;
  readonly version: Version;
}

export interface Examination {
  readonly verdict: Verdict;
  readonly complaint: string | null;
}

/** `turn` rotates through the costlier questions: each is asked of every fourth update, or every second. */
export function examine(update: Uint8Array, base: Base, turn = 0): Examination {
  const before = base.version.digest();
  const verdict = check(update, base.version);
  let complaint: string | null = null;
  try {
    if (verdict.kind === 'new') complaint = judgeNew(update, verdict, base, turn);
    else if (verdict.kind === 'redundant') complaint = judgeRedundant(update, base);
    else if (verdict.kind === 'gap' && turn % 2 === 0) complaint = judgePart(update, base, turn);
  } catch (error) {
    if (!isKnownHole(update, base))
      complaint = `threw: ${error instanceof Error ? error.stack : String(error)}`;
  }
  if (base.version.digest() !== before) complaint = 'the check changed the version';
  return { verdict, complaint };
}

function judgeNew(
  update: Uint8Array,
  verdict: Verdict & { kind: 'new' },
  base: Base,
  turn: number,
): string | null {
  const stored = verdict.overlaps ? trim(update, base.version) : update;
  if (verdict.overlaps) {
    const again = check(stored, base.version);
    if (again.kind !== 'new') return `trimmed, it is ${again.kind}`;
    if (again.overlaps) return 'trimmed, it still overlaps';
  }
  const expected = base.version.clone();
  expected.apply(verdict.summary);

  if (turn % 2 === 0) {
    // As a client does it.
    const client = load([base.state, stored]);
    if (!isWhole(client)) return 'a client keeps something pending';
    if (!sameClocks(versionOf(client), expected)) return 'the state vector of a client differs';
  }
  // Without the formatting clean-up after remote changes, which deletes what no update says.
  const doc = loadQuietly([base.state, stored]);
  if (!isWhole(doc)) return 'it leaves something pending';
  const found = versionOf(doc);
  if (!sameClocks(found, expected)) return 'the state vector differs';
  if (!found.covers(expected)) return 'something is not deleted that should be';
  const explained = versionOf(loadQuietly([base.state]));
  explained.merge(expected);
  const odd = unexplainedDelete(doc, explained);
  if (odd !== null) return odd;

  const state = Y.encodeStateAsUpdate(doc);
  const whole = check(state, new Version());
  if (whole.kind !== 'new') return `the resulting state is itself ${JSON.stringify(whole)}`;
  const copy = loadQuietly([state]);
  if (!isWhole(copy)) return 'the resulting state leaves something pending';
  if (!sameClocks(versionOf(copy), expected)) return 'the resulting state has another state vector';
  render(copy);
  if (isMisshapen(doc)) return null;
  if (!versionOf(copy).equals(found)) return 'the resulting state has another version';
  if (turn % 4 !== 0) return null;
  const canonical = Y.encodeStateAsUpdate(copy);
  const again = Y.encodeStateAsUpdate(load([canonical]));
  return Buffer.compare(canonical, again) === 0 ? null : 'canonical bytes differ';
}

function judgeRedundant(update: Uint8Array, base: Base): string | null {
  const doc = loadQuietly([base.state, update]);
  if (!isWhole(doc)) return 'redundant, but it leaves something pending';
  const found = versionOf(doc);
  if (!sameClocks(found, base.version)) return 'redundant, but the state vector moves';
  return found.equals(versionOf(load([base.state]))) ? null : 'redundant, but it deletes';
}

function judgePart(update: Uint8Array, base: Base, turn: number): string | null {
  const part = integrablePart(update, base.version);
  if (part === null) return null;
  const verdict = check(part, base.version);
  if (verdict.kind !== 'new') return `the integrable part is ${verdict.kind}`;
  const complaint = judgeNew(part, verdict, base, turn);
  return complaint === null ? null : `integrable part: ${complaint}`;
}

function sameClocks(a: Version, b: Version): boolean {
  return a.knowsAllClocksOf(b) && b.knowsAllClocksOf(a);
}

/**
 * Deleted without an update saying so: only what every replica concludes by itself. A value of a map key that
 * is not the last one; what lies in something deleted; what lost its place, and became a GC.
 */
function unexplainedDelete(doc: Y.Doc, expected: Version): string | null {
  for (const structs of doc.store.clients.values()) {
    for (const struct of structs) {
      if (!struct.deleted || expected.hasDeletes(struct.id.client, struct.id.clock, struct.length))
        continue;
      if (!(struct instanceof Y.Item)) continue;
      const parent = struct.parent as Y.AbstractType<unknown>;
      if (struct.parentSub !== null && struct.right !== null) continue;
      if (parent._item?.deleted === true) continue;
      if (isPartlyDeleted(expected, struct)) continue;
      return `unexplained delete of ${struct.id.client}:${struct.id.clock}+${struct.length}`;
    }
  }
  return null;
}

/**
 * Yjs takes two things that no client makes, and which replicas then may see differently, depending on how
 * neighbours were split and collected: an item whose right neighbour does not lie to the right of its left one,
 * and a value of a map key that is several clocks long and deleted in part. Only a document could tell them apart
 * from honest ones; what is asked of them here is that they break nothing.
 */
export function isMisshapen(doc: Y.Doc): boolean {
  for (const structs of doc.store.clients.values()) {
    for (const struct of structs) {
      if (!(struct instanceof Y.Item)) continue;
      if (
        struct.parentSub !== null &&
        !struct.deleted &&
        (struct.right !== null || struct.length > 1)
      )
        return true;
      if (struct.rightOrigin === null) continue;
      // Whatever the right neighbour was put behind was there before it, and so before this item.
      const before = originOf(doc, struct.rightOrigin);
      if (before !== null && (struct.origin === null || !isAtOrRightOf(doc, before, struct.origin)))
        return true;
      if (struct.origin === null) continue;
      if (!isRightOf(doc, struct.origin, struct.rightOrigin)) return true;
    }
  }
  return false;
}

function originOf(doc: Y.Doc, id: Y.ID): Y.ID | null {
  const item = Y.getItem(doc.store, id);
  if (!(item instanceof Y.Item)) return null;
  return id.clock > item.id.clock ? Y.createID(id.client, id.clock - 1) : item.origin;
}

function isAtOrRightOf(doc: Y.Doc, left: Y.ID, right: Y.ID): boolean {
  return Y.compareIDs(left, right) || isRightOf(doc, left, right);
}

function isRightOf(doc: Y.Doc, left: Y.ID, right: Y.ID): boolean {
  const target = Y.getItem(doc.store, right);
  let item: Y.Item | null = Y.getItem(doc.store, left);
  if (item === target) return right.clock > left.clock;
  while (item instanceof Y.Item && item !== target) item = item.right;
  return item === target;
}

/**
 * What check.ts says that it cannot see: the update makes a long map value behind an origin. Deleting the map may
 * then throw, in the same update or in a later one.
 */
function isKnownHole(update: Uint8Array, base: Base): boolean {
  const doc = loadQuietly([base.state]);
  try {
    Y.applyUpdate(doc, update);
  } catch {
    // The structs are in, the clean-up failed.
  }
  return isMisshapen(doc);
}

/** Neighbours that were deleted for different reasons are merged to one struct. */
function isPartlyDeleted(expected: Version, { id, length, parentSub }: Y.Item): boolean {
  if (parentSub === null) return false;
  for (let offset = 0; offset < length; offset++) {
    if (expected.hasDeletes(id.client, id.clock + offset, 1)) return true;
  }
  return false;
}

/** XML is left out: Yjs calls `toString` on whatever lies in a fragment, and null is allowed to lie there. */
function render(doc: Y.Doc): void {
  doc.getText('text').toJSON();
  doc.getMap('map').toJSON();
  doc.getArray('list').toJSON();
}

/** The document after an update that was taken, for others to build on; null where Yjs no longer agrees with itself. */
export function advance(
  update: Uint8Array,
  { summary, overlaps }: Verdict & { kind: 'new' },
  base: Base,
): Base | null {
  const version = base.version.clone();
  version.apply(summary);
  const stored = overlaps ? trim(update, base.version) : update;
  const doc = loadQuietly([base.state, stored]);
  return isMisshapen(doc) ? null : { state: Y.encodeStateAsUpdate(doc), version };
}
