/**
 * How the fan-out is put together: one `Fanout` that hears the bus and the rooms, and parts that each look after
 * one thing (replicated acks, presence, the slow sweep …). A part sees the fan-out through `FanoutScene` and is told of
 * what happens through the calls that it implements; it knows no other part.
 *
 * All calls come in the turn in which the thing happened, must return at once and must not throw.
 */
import type { DocumentStore } from '../../persistence/store.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import type { PresenceEntry } from '../rooms/relay.ts';
import type { Registry } from '../rooms/registry.ts';
import type { Room } from '../rooms/room.ts';
import type { SnapshotReplica } from '../rooms/snapshot-replica.ts';
import type { Timers } from '../rooms/timers.ts';
import type { EditTrace, Tracing } from '../rooms/tracing.ts';
import type { Link } from './bus.ts';
import type { Epoch } from './envelope.ts';
import type { Exchange, Received } from './exchange.ts';
import type { ApplicationMessage, UpdateMessage } from './messages.ts';

/** Why a node asks another one for what it may lack. */
export type Trigger =
  /** A message of a document's chain did not come. */
  | 'gap'
  /** An update builds on something that is not here. */
  | 'verdict'
  /** A heartbeat names another digest than ours. */
  | 'heartbeat'
  /** A room opens. */
  | 'open'
  /** Found by the slow sweep over everything stored. */
  | 'sweep'
  /** What came could not be kept: too much at once, or the room could not be opened. */
  | 'dropped'
  /** Somebody waits for a version that is not here yet. */
  | 'awaited';

/** Another node, as its messages show it. */
export interface Peer {
  readonly node: string;
  readonly region: string;
  readonly epoch: Epoch;
  /** Of its last message. */
  readonly heardMs: number;
}

/** `joined`: heard for the first time, or again after it was `lost`. `lost`: silent for longer than its lease. */
export type PeerChange = 'joined' | 'restarted' | 'left' | 'lost';

/** What the fan-out offers its parts. */
export interface FanoutScene {
  readonly exchange: Exchange;
  readonly registry: Registry;
  readonly store: DocumentStore;
  /** This node's snapshots; null where they concern nobody else. */
  readonly snapshots: SnapshotReplica | null;
  readonly timers: Timers;
  readonly random: () => number;
  /** Every node stores all documents; otherwise only those that are open on it. */
  readonly isFull: boolean;
  /** Nodes that are alive by their heartbeats; this one is not among them. */
  peers(): readonly Peer[];
  /** The node has said lately that it does not know yet what it lacks. */
  isPeerBehind(node: string): boolean;
  /** Every link is up: whoever is there is heard. */
  isConnected(): boolean;
  /** Asks a node (null: one that may know) for what this one lacks of a document: soon, once, bounded. */
  want(document: DocumentName, from: string | null, trigger: Trigger): void;
  /**
   * Sends a message about a document as a link of its chain of updates: the next update names its number as the one
   * before it, answers and heartbeats say it as the last one. Returns the number, used up even if nothing left.
   */
  sendInChain(message: ApplicationMessage): number;
  /** Here, and not deleted, as far as is known without a look at the disk. */
  isStored(document: DocumentName): boolean;
  /** Deletes a document here because another node has: never sent on, never undone. */
  bury(document: DocumentName, from: string): void;
  /** The node tells webhooks of what is written on it: nobody else has to. */
  tells(node: string): boolean;
  /** Null: no edit is followed. */
  readonly tracing: Tracing | null;
  /** For logs, once each; no text, no bytes. */
  report(event: FanoutEvent): void;
}

export type FanoutEvent =
  | {
      readonly type: 'peer';
      readonly node: string;
      readonly region: string;
      readonly change: PeerChange;
    }
  | { readonly type: 'link'; readonly link: Link }
  /** The validator of this node refused what another one has let in. */
  | {
      readonly type: 'refused';
      readonly origin: string;
      readonly document: string;
      readonly reason: string;
    }
  | { readonly type: 'twin'; readonly node: string }
  /** The clock of another node has come apart from this one's, or back to it. Positive: it is ahead. */
  | {
      readonly type: 'clock';
      readonly node: string;
      readonly differenceMs: number;
      readonly isApart: boolean;
    }
  | { readonly type: 'failed'; readonly doing: string; readonly error: unknown };

/** The calls that a part may implement. */
export interface FanoutPart {
  /** A message of any kind; parts take their own kinds. */
  onMessage?(received: Received): void;
  onPeer?(peer: Peer, change: PeerChange): void;
  onLink?(link: Link): void;

  /** Updates of this node up to `storeSeq` went out as number `busSeq` of this epoch; null: too large to be sent. */
  onSent?(room: Room, sent: { readonly busSeq: number | null; readonly storeSeq: number }): void;
  /**
   * An update of another node is in the room: new, or known already; its bytes are gone. It is on disk when
   * `room.durableSeq` has reached `storeSeq`. Not called for what was refused, dropped or builds on something missing.
   */
  onTaken?(
    received: Received & { readonly message: UpdateMessage },
    room: Room,
    storeSeq: number,
    trace: EditTrace | null,
  ): void;
  /** An answer of `origin` has come completely: everything that it had published on the document up to `upToSeq`. */
  onCovered?(
    covered: { readonly origin: string; readonly epoch: Epoch; readonly upToSeq: number },
    room: Room,
    storeSeq: number,
  ): void;
  onDurable?(room: Room, durableSeq: number): void;
  onOpened?(room: Room): void;
  onClosed?(room: Room): void;
  onPresence?(room: Room, entries: readonly PresenceEntry[], isComplete: boolean): void;
  /** An application's word to everybody in the document. */
  onSignal?(room: Room, payload: Uint8Array): void;
  /** Deleted, here or elsewhere. */
  onDeleted?(document: DocumentName): void;

  /** What is on this node's disk, if it is known without reading it. */
  digestOf?(document: DocumentName): Uint8Array | null;

  /** Whether another node tells webhooks. */
  tells?(node: string): boolean;

  /** How far the clock of another node is ahead of this one's; null: it does not say. */
  clockDifferenceOf?(node: string): number | null;

  /** Once, when the store is open and before anybody is served. */
  start?(): void;
  /** About once a second. */
  tick?(): void;
  /** No message goes out after this call. */
  close?(): void;
}

/** Makes a part on the scene. */
export type MakePart = (scene: FanoutScene) => FanoutPart;
