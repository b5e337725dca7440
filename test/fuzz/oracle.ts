/**
 * What `check` promises, judged by a real `Y.Doc`. `examine` gives null, or a sentence that says which promise
 * an update broke.
 */
import * as Y from 'yjs';
import { check, newPart, type Verdict } from '../../server/rooms/updates/check.ts';
import { integrablePart } from '../../server/rooms/updates/cut.ts';
import { Version } from '../../server/rooms/updates/version.ts';
import { applyQuietly, isWhole, load, loadQuietly, versionOf } from '../support/docs.ts';
import { crookedItem, isMisordered, lists, strayHome } from './shape.ts';

/** A document and what the check knows of it. */
export interface Base {
  readonly state: Uint8Array;
  readonly version: Version;
  /** Somebody who was there all along and collects no garbage. Read only; see `advance`. */
  readonly log: readonly Uint8Array[];
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
  const { part: stored, verdict: again } = newPart(update, verdict, base.version);
  // What it says of things that are known may have been a lie.
  if (isForgery(again)) return null;
  if (again.kind !== 'new') return `trimmed, it is ${again.kind}`;
  if (verdict.overlaps && again.overlaps) return 'trimmed, it still overlaps';
  const expected = base.version.clone();
  expected.apply(again.summary);

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
  const crooked = crookedItem(doc) ?? strayHome(doc, expected);
  if (crooked !== null) return crooked;
  const explained = loadedVersionOf(base, loadQuietly).clone();
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
  if (!versionOf(copy).equals(found)) return 'the resulting state has another version';
  if (turn % 4 !== 0) return null;
  if (lists(copy) !== lists(doc)) return 'in the resulting state items lie elsewhere';
  // The order of a list in which somebody named neighbours that never were: see docs/decisions/0002.
  if (isMisordered(doc)) return null;
  const canonical = Y.encodeStateAsUpdate(copy);
  const reloaded = Y.encodeStateAsUpdate(load([canonical]));
  return Buffer.compare(canonical, reloaded) === 0 ? null : 'canonical bytes differ';
}

function isForgery(verdict: Verdict): boolean {
  return (
    verdict.kind === 'refused' && (verdict.code === 'map-value' || verdict.code === 'neighbours')
  );
}

function judgeRedundant(update: Uint8Array, base: Base): string | null {
  const doc = loadQuietly([base.state, update]);
  if (!isWhole(doc)) return 'redundant, but it leaves something pending';
  const found = versionOf(doc);
  if (!sameClocks(found, base.version)) return 'redundant, but the state vector moves';
  return found.equals(loadedVersionOf(base, load)) ? null : 'redundant, but it deletes';
}

type Load = (updates: Iterable<Uint8Array>) => Y.Doc;

/** Of each base: thousands of updates are judged over the same few. */
const loadedVersions = new WeakMap<Base, Map<Load, Version>>();

/** What a document knows that has loaded the base. Read only. */
function loadedVersionOf(base: Base, how: Load): Version {
  const known = loadedVersions.get(base) ?? new Map<Load, Version>();
  loadedVersions.set(base, known);
  const version = known.get(how) ?? versionOf(how([base.state]));
  known.set(how, version);
  return version;
}

function judgePart(update: Uint8Array, base: Base, turn: number): string | null {
  const part = integrablePart(update, base.version);
  if (part === null) return null;
  const verdict = check(part, base.version);
  if (isForgery(verdict)) return null;
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

/** The document after an update that was taken, for others to build on; null if it was a forgery after all. */
export function advance(
  update: Uint8Array,
  verdict: Verdict & { kind: 'new' },
  base: Base,
): Base | null {
  const { part: stored, verdict: again } = newPart(update, verdict, base.version);
  if (again.kind !== 'new') return null;
  const version = base.version.clone();
  version.apply(again.summary);
  const doc = loadQuietly([base.state, stored]);
  return { state: Y.encodeStateAsUpdate(doc), version, log: [...base.log, stored] };
}

/**
 * Who was there all along, and collects no garbage, has the same items in the same lists, and the same of them
 * deleted, as who loads the state now. Null, or what differs.
 */
export function disagreement({ state, log }: Base): string | null {
  const old = new Y.Doc({ gc: false, guid: 'replica' });
  for (const update of log) applyQuietly(old, update);
  if (!isWhole(old)) return 'who was there all along keeps something pending';
  const fresh = loadQuietly([state]);
  if (!versionOf(old).equals(versionOf(fresh)))
    return 'who was there all along has another version';
  // What was collected lies nowhere any more.
  return lists(old, fresh) === lists(fresh) ? null : 'who was there all along has items elsewhere';
}
