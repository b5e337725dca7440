/**
 * What runs in a worker thread: the entry that the pool (worker-pool.ts) loads, one exported function a task.
 * Plain bytes and plain objects in and out; the buffers of a result are handed over, not copied.
 */
import { compact as compactParts, trial as tryUpdate, versionOf } from './compaction.ts';
import type { Compaction, Quarantined, Trial } from './compaction.ts';
import { divide as divideSection, type Division } from '../updates/assembly.ts';
import { diff as diffUpdates, integrablePart as partOf } from '../updates/cut.ts';
import { outline, type SectionRest, type UpdateSection } from '../updates/outline.ts';
import { handOver } from './hand-over.ts';
import { unpackParts, type PackedParts } from './packed-parts.ts';
import { markUpdate } from './progress.ts';
import { scan as scanUpdate, type ScanResult, type Trust } from '../updates/scan.ts';
import { Version, readStateVector } from '../updates/version.ts';

export { compareTexts, render, restore } from './view-tasks.ts';

export interface ScanTask {
  readonly update: Uint8Array;
  readonly trust: Trust;
}

export interface CompactTask {
  readonly parts: PackedParts;
  readonly excluded: readonly Quarantined[];
  /** See progress.ts. */
  readonly progress: SharedArrayBuffer;
}

export interface TrialTask {
  readonly parts: PackedParts;
  readonly update: Uint8Array;
}

export interface HeadTask {
  /** Without a tail. */
  readonly parts: PackedParts;
}

export interface DiffTask {
  readonly parts: PackedParts;
  /** As Yjs encodes it. */
  readonly stateVector: Uint8Array;
}

export interface IntegrablePartTask {
  readonly update: Uint8Array;
  /** `Version.encode()` of the room. */
  readonly version: Uint8Array;
}

export interface OutlinesTask {
  readonly parts: PackedParts;
}

export interface DivideTask {
  readonly divisions: readonly Division[];
}

export function scan({ update, trust }: ScanTask): ScanResult {
  return scanUpdate(update, trust);
}

export function compact({ parts, excluded, progress }: CompactTask): Compaction {
  const result = compactParts(unpackParts(parts), excluded, (indices) => {
    markUpdate(progress, indices[0] ?? null);
  });
  return handOver(result, [...result.chunks, result.head, result.outline]);
}

export function trial({ parts, update }: TrialTask): Trial {
  return tryUpdate(unpackParts(parts), update, () => performance.now());
}

export function headOf({ parts }: HeadTask): Uint8Array {
  return versionOf(unpackParts(parts).chunks).encodeHead();
}

export function diff({ parts, stateVector }: DiffTask): readonly Uint8Array[] {
  const clocks = readStateVector(stateVector, stateVector.length);
  if (clocks === null) throw new Error('malformed state vector');
  const { chunks: base, tail } = unpackParts(parts);
  const chunks = diffUpdates([...base, ...tail], new Version(clocks));
  return handOver(chunks, chunks);
}

export function integrablePart({ update, version }: IntegrablePartTask): Uint8Array | null {
  const known = Version.decode(version);
  if (known === null) throw new Error('malformed version');
  return partOf(update, known);
}

export function outlines({ parts }: OutlinesTask): readonly (readonly UpdateSection[])[] {
  return unpackParts(parts).tail.map(outline);
}

export function divide({ divisions }: DivideTask): readonly SectionRest[] {
  return divisions.map(divideSection);
}
