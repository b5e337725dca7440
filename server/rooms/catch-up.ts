/**
 * What a session is sent to reach the state of its room: joiners, and sessions that lagged. Pulled by the
 * socket, at most one send buffer ahead, so a slow reader costs a cursor and not a queue. [I6]
 *
 * A joiner with nothing gets the base's chunks as they lie on disk, then the tail; one that has all of the
 * base gets the base's deletions and the tail; only what lies between needs a diff over the base, in a worker.
 * Everything goes as `Update` frames; the last piece is the SyncStep2, because clients report *synced* at the
 * first one they see, and because one giant frame makes clients with a 30 s liveness timer reconnect for ever.
 */
import * as Y from 'yjs';
import { INLINE_SCAN_BYTES_MAX } from '../protocol/limits.ts';
import type { LoadedBase } from './base-cache.ts';
import type { Frame, Outlet, Wire } from './outlet.ts';
import type { Segment } from './tail.ts';
import type { Version } from './updates/version.ts';

/** V1 encoding of "no structs, no deletions". */
export const EMPTY_UPDATE: Uint8Array = new Uint8Array([0, 0]);

/** What a catch-up needs of its room. */
export interface CatchUpSource {
  readonly base: {
    readonly generation: number;
    readonly bytes: number;
    readonly upToSeq: number;
  } | null;
  /** The version of the base. */
  readonly head: Version;
  /** Everything up to this sequence number has been flushed into the tail. */
  readonly flushedSeq: number;
  /** Sequence numbers mean something within one epoch only: a restart may number what it lost anew. */
  readonly epoch: string;
  tailSince(seq: number): readonly Segment[] | null;
  loadBase(): Promise<LoadedBase>;
  /** What of the base a client with this state vector lacks, in chunks. */
  diffBase(stateVector: Uint8Array): Promise<readonly Uint8Array[]>;
}

/**
 * Where a catch-up starts: a state vector from a client, or the sequence number a session lagged behind at. A
 * client that comes back may name both; the number is used while the tail still has what follows it.
 */
export type CatchUpStart =
  | {
      readonly kind: 'join';
      readonly stateVector: Uint8Array;
      readonly clocks: ReadonlyMap<number, number>;
      readonly seq?: number;
    }
  | { readonly kind: 'resume'; readonly seq: number };

export interface CatchUpOptions {
  readonly sendBufferBytes: number;
  readonly isCancelled: () => boolean;
  /** Called in the same tick as the last frame is sent: from here on the session is live. */
  readonly onLive: () => void;
}

/** Streams until the session is live or cancelled. @throws StoreError when the base cannot be read */
export async function catchUp(
  source: CatchUpSource,
  outlet: Outlet,
  start: CatchUpStart,
  options: CatchUpOptions,
): Promise<void> {
  const isJoin = start.kind === 'join';
  const { epoch } = source;
  let cursor = start.seq ?? -Infinity;
  for (;;) {
    let segments = source.tailSince(cursor);
    if (segments === null) {
      cursor = source.base?.upToSeq ?? -1;
      for await (const frame of baseFrames(source, outlet.wire, start)) {
        await roomToSend(outlet, options.sendBufferBytes);
        if (options.isCancelled()) return;
        outlet.send(frame);
      }
      // A compaction may have replaced the base meanwhile; then `tailSince` says so and we go round again.
      segments = source.tailSince(cursor);
      if (segments === null) continue;
    }
    const upToSeq = source.flushedSeq;
    if (totalBytes(segments) <= INLINE_SCAN_BYTES_MAX && hasRoom(outlet, options.sendBufferBytes)) {
      const rest = mergeRest(segments, isJoin ? start.stateVector : null);
      if (isJoin) outlet.send(outlet.wire.syncStep2(rest, { epoch, seq: upToSeq }));
      else if (segments.length > 0) outlet.send(outlet.wire.update(rest, { epoch, seq: upToSeq }));
      options.onLive();
      return;
    }
    for (const segment of segments) {
      await roomToSend(outlet, options.sendBufferBytes);
      if (options.isCancelled()) return;
      outlet.send(outlet.wire.update(segment.bytes, { epoch, seq: segment.lastSeq }));
    }
    await roomToSend(outlet, options.sendBufferBytes);
    if (options.isCancelled()) return;
    cursor = upToSeq;
  }
}

async function* baseFrames(
  source: CatchUpSource,
  wire: Wire,
  start: CatchUpStart,
): AsyncGenerator<Frame> {
  const base = source.base;
  if (base === null) return;
  if (start.kind === 'resume' || start.clocks.size === 0) {
    yield* (await source.loadBase()).frames(wire);
    return;
  }
  const { head } = source;
  if (coversClocks(start.clocks, head.stateVector)) {
    const deletes = head.encodeDeletesAsUpdate();
    if (deletes.byteLength > EMPTY_UPDATE.byteLength) yield wire.update(deletes);
    return;
  }
  if (base.bytes <= INLINE_SCAN_BYTES_MAX) {
    for (const chunk of (await source.loadBase()).chunks) {
      yield wire.update(Y.diffUpdate(chunk, start.stateVector));
    }
    return;
  }
  for (const chunk of await source.diffBase(start.stateVector)) yield wire.update(chunk);
}

function mergeRest(segments: readonly Segment[], stateVector: Uint8Array | null): Uint8Array {
  const first = segments[0];
  if (first === undefined) return EMPTY_UPDATE;
  const merged =
    segments.length === 1 ? first.bytes : Y.mergeUpdates(segments.map((segment) => segment.bytes));
  // One byte is the empty state vector: nothing to leave out.
  return stateVector === null || stateVector.byteLength <= 1
    ? merged
    : Y.diffUpdate(merged, stateVector);
}

function totalBytes(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.bytes.byteLength, 0);
}

function coversClocks(
  have: ReadonlyMap<number, number>,
  needed: ReadonlyMap<number, number>,
): boolean {
  for (const [client, clock] of needed) {
    if ((have.get(client) ?? 0) < clock) return false;
  }
  return true;
}

function hasRoom(outlet: Outlet, sendBufferBytes: number): boolean {
  return outlet.bufferedBytes < sendBufferBytes;
}

async function roomToSend(outlet: Outlet, sendBufferBytes: number): Promise<void> {
  if (hasRoom(outlet, sendBufferBytes)) return;
  await new Promise<void>((resolve) => {
    outlet.onDrain(resolve);
  });
}
