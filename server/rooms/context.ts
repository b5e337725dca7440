/**
 * What every room of a node shares, passed in: store, workers, base cache, time, limits, counters and the
 * place where events go that an operator should see. Rooms have no other way to the outside.
 */
import type { DocumentStore } from '../../persistence/store.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import type { BaseCache } from './base-cache.ts';
import type { PresenceLimits } from './presence.ts';
import type { Relay } from './relay.ts';
import type { DurabilityLevel, Replicas } from './replication.ts';
import type { Timers } from './timers.ts';
import type { Tracing } from './tracing.ts';
import type { Workers } from './workers/worker-pool.ts';

export interface RoomLimits {
  readonly documentBytesMax: number;
  readonly documentsOpenMax: number;
  readonly flushWindowMs: number;
  readonly roomIdleMs: number;
  readonly compactTailUpdates: number;
  readonly compactTailBytes: number;
  readonly compactTimeoutMs: number;
  readonly trialTimeoutMs: number;
  readonly foreignStructs: 'count' | 'refuse';
  readonly presence: PresenceLimits;
}

/** Counters of the hot path: plain numbers, read by the metrics when somebody asks. */
export class RoomStats {
  accepted = 0;
  redundant = 0;
  gap = 0;
  refused = 0;
  /** Updates with structs of a client whose owner, another user, is connected. */
  foreign = 0;
  flushes = 0;
  /** Frames × receivers. */
  deliveries = 0;
  lagging = 0;
  joins = 0;
  compactions = 0;
  compactionFailures = 0;
  quarantined = 0;
  trials = 0;
  /** Told of every ack that a session gets: how long it had been asked for. Must return at once. */
  onAck: (level: DurabilityLevel, waitedMs: number) => void = () => undefined;
}

/** What an operator should be able to see; logged where it is handled, once. No document text, no bytes. */
export type RoomEvent =
  | { type: 'update-refused'; document: string; reason: string; bytes: number }
  | { type: 'session-failed'; document: string; error: unknown }
  | { type: 'open-failed'; document: string; error: unknown }
  | {
      type: 'compacted';
      document: string;
      upToSeq: number;
      bytes: number;
      chunks: number;
      durationMs: number;
    }
  | { type: 'compaction-failed'; document: string; error: unknown }
  | { type: 'quarantined'; document: string; seqs: readonly number[]; reasons: readonly string[] };

/** Broken on purpose, so that the durability tests can prove that they would catch it. Never set elsewhere. */
export interface RoomSabotage {
  /** Ack an update that brings nothing new at once, although its first copy may not be on disk yet. */
  readonly ackRedundantAtOnce?: true;
}

export interface RoomContext {
  readonly store: DocumentStore;
  readonly workers: Workers;
  readonly bases: BaseCache;
  readonly timers: Timers;
  /** A name for a room of this process that no other room ever had or will have. */
  readonly nextEpoch: () => string;
  readonly limits: RoomLimits;
  readonly stats: RoomStats;
  readonly sabotage: RoomSabotage;
  /** To the other nodes; absent on a node that is alone. */
  readonly relay?: Relay;
  /** Asks other regions what they have on disk; absent where there are none. */
  readonly replicas?: Replicas;
  /** Other nodes may have a document that is not here; absent on a node that is alone. */
  readonly isBehind?: (document: DocumentName) => boolean;
  /** Follows some edits; absent on a node without traces. */
  readonly tracing?: Tracing | null;
  /** A node that has just started, and has not got all yet that others have. */
  readonly isFillingUp?: () => boolean;
  readonly report: (event: RoomEvent) => void;
}
