/**
 * Puts the parts of a stored document into an order in which they can be integrated, without a document: the
 * base, then the tail, with what came too early moved to where it fits. An older server may have stored an
 * update before the one that it depends on, or a state with pieces missing.
 */
import * as Y from 'yjs';
import { judge } from '../updates/check.ts';
import type { StoredParts } from './compaction.ts';
import { integrablePart, trim } from '../updates/cut.ts';
import { scan } from '../updates/scan.ts';
import { Version } from '../updates/version.ts';

export interface Piece {
  /** Where in the tail it comes from: one update, several that only fit together, or none (the base). */
  readonly indices: readonly number[];
  readonly update: Uint8Array;
}

export interface Arrangement {
  readonly pieces: readonly Piece[];
  /** What the pieces add up to. */
  readonly version: Version;
  /** Index in the tail → why it cannot be integrated, or not all of it. */
  readonly unusable: ReadonlyMap<number, string>;
}

/** @throws Error if a chunk of the base does not fit */
export function arrange(
  { chunks, tail }: StoredParts,
  excluded: ReadonlyMap<number, string>,
): Arrangement {
  const version = new Version();
  const pieces: Piece[] = [];
  const unusable = new Map<number, string>();

  for (const chunk of chunks) {
    const outcome = take(chunk, [], version, pieces);
    if (outcome !== null) throw new Error(`a chunk of the base cannot be integrated: ${outcome}`);
  }
  let early: number[] = [];
  for (const [index, update] of tail.entries()) {
    if (excluded.has(index)) continue;
    const scanned = scan(update, 'stored');
    if (!scanned.isValid) unusable.set(index, scanned.code);
    else if (take(update, [index], version, pieces) !== null) early.push(index);
  }
  // Most of what came early fits by now; again as long as that helps, but not once for each of them.
  for (let pass = 0; pass < 3 && early.length > 0; pass++) {
    early = early.filter(
      (index) => take(tail[index] as Uint8Array, [index], version, pieces) !== null,
    );
  }
  if (early.length > 0) {
    const merged = mergeInLevels(early.map((index) => tail[index] as Uint8Array));
    const part = integrablePart(merged, version);
    if (part !== null) take(part, early, version, pieces);
    for (const index of early) {
      const verdict = judge(scan(tail[index] as Uint8Array, 'stored'), version);
      if (verdict.kind === 'gap') unusable.set(index, `gap: ${verdict.reason}`);
    }
  }
  return { pieces, version, unusable };
}

/** Adds an update if it fits now; otherwise says why not. */
function take(
  update: Uint8Array,
  indices: readonly number[],
  version: Version,
  pieces: Piece[],
): string | null {
  const verdict = judge(scan(update, 'stored'), version);
  switch (verdict.kind) {
    case 'new':
      pieces.push({ indices, update: verdict.overlaps ? trim(update, version) : update });
      version.apply(verdict.summary);
      return null;
    case 'redundant':
      return null;
    case 'gap':
      return verdict.reason;
    case 'refused':
      return verdict.code;
  }
}

/** `Y.mergeUpdates` of a long list is quadratic (50,000 keystrokes: 33 s); eight at a time is not. */
export function mergeInLevels(updates: readonly Uint8Array[]): Uint8Array {
  let level = updates;
  while (level.length > 1) {
    const merged: Uint8Array[] = [];
    for (let at = 0; at < level.length; at += 8) {
      merged.push(Y.mergeUpdates(level.slice(at, at + 8)));
    }
    level = merged;
  }
  return level[0] ?? Uint8Array.of(0, 0);
}
