/**
 * The port to the other nodes, as rooms see it: they say what happened here, and whoever implements it (server/fanout)
 * sees to the rest. A node that is alone has none, and rooms then do nothing for it.
 *
 * Everything is called in the turn in which it happened, must return at once and must not throw: a room never
 * waits for another node [I4]. The one exception is `opened`, which is bounded. Room names identify documents; a
 * room that was closed is never mentioned again after `closed`.
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { Room } from './room.ts';
import type { EditTrace } from './tracing.ts';

/** One client of a document, as presence knows it. */
export interface PresenceEntry {
  readonly clientId: number;
  readonly clock: number;
  /** JSON as the client sent it; null: gone. */
  readonly json: string | null;
}

/** Updates in a row by authors of this node, as they were sent to its sessions. */
export interface RelayedRun {
  readonly bytes: Uint8Array;
  /** Of the last update in it: the document's own sequence number on this node. */
  readonly lastSeq: number;
}

export interface Relay {
  /**
   * A flush: what authors of this node have written since the last one. Never what came from another node. `traces`: of
   * all edits in the flush those that are followed.
   */
  flushed(room: Room, runs: readonly RelayedRun[], traces: readonly EditTrace[]): void;

  /** The version has moved, by whosever doing: also what other nodes sent. */
  changed(room: Room): void;

  /** Everything up to this sequence number is on this node's disk. */
  durable(room: Room, durableSeq: number): void;

  /**
   * Somebody is about to be let in, for the first time since the room is open: a moment to fetch what other
   * nodes have. Null: nothing to wait for. Resolves within half a second, whatever happens; never rejects.
   */
  opened(room: Room): Promise<void> | null;

  /** The room is gone from memory. */
  closed(room: Room): void;

  /** Clients of this node that came, changed or left; all of them if `isComplete`. */
  presence(room: Room, entries: readonly PresenceEntry[], isComplete: boolean): void;

  /** A small message of an application to everybody in the document, wherever they are; lost if nobody hears it. */
  signal?(room: Room, payload: Uint8Array): void;

  /** Somebody here has deleted the document; the tombstone is on disk. */
  deleted(document: DocumentName, deletedAtMs: number): void;
}
