/**
 * What nodes say to each other: one type a kind, with the channel it travels on. The bytes are in payloads.ts.
 *
 * Kinds about a document travel on its bucket's channel, what everybody must hear on `EVERYONE`, requests and
 * answers on the channel of the one node that they are for. What arrives elsewhere is dropped.
 *
 * Times in messages are for people; nothing is ordered by them.
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { PresenceEntry } from '../rooms/relay.ts';
import {
  EVERYONE,
  MESSAGE_BYTES_MAX,
  documentChannel,
  hashOf,
  nodeChannel,
  type Channel,
} from './bus.ts';
import type { Epoch } from './envelope.ts';

/** Digests of versions and of buckets: the first 16 bytes of a SHA-256. */
export const DIGEST_BYTES = 16;
/** What an envelope can carry: the rest is for the header with its longest names, and the signature. */
export const PAYLOAD_BYTES_MAX: number = MESSAGE_BYTES_MAX - 1_024;
/** Updates up to this size travel in one message; of larger ones receivers are told by digest, and ask. */
export const UPDATE_BYTES_MAX: number = PAYLOAD_BYTES_MAX - 16;
/** Lists that are sent again and again are cut into messages of about this size. */
export const LIST_BYTES_MAX: number = 64 * 1024;
export const STATE_VECTOR_BYTES_MAX: number = 192 * 1024;
export const SWEEP_BUCKETS = 1_024;
export const PRESENCE_ENTRIES_MAX = 10_000;
export const REVOCATIONS_MAX = 256;
export const TOPIC_BYTES_MAX = 64;

/** Updates of one flush, merged. */
export interface UpdateMessage {
  readonly kind: 'update';
  readonly document: DocumentName;
  /**
   * The sequence number of the origin's update before this one on this document, 0 if this is the first of its
   * epoch. Who knows everything up to there knows everything up to here, whatever else the channel lost.
   */
  readonly previousSeq: number;
  readonly update: Uint8Array;
}

export interface PresenceMessage {
  readonly kind: 'presence';
  readonly document: DocumentName;
  /** These are all clients that the origin has; otherwise only what changed. */
  readonly isComplete: boolean;
  readonly entries: readonly PresenceEntry[];
}

export interface HeartbeatEntry {
  readonly document: DocumentName;
  /** Of the origin's last update on this document, on its bucket's channel; 0: none in this epoch. */
  readonly lastSeq: number;
  /** Of its version: state vector and delete set. All zeros: the document is deleted. */
  readonly digest: Uint8Array;
}

/** "I live" (the lease of presence), and what changed lately. */
export interface HeartbeatMessage {
  readonly kind: 'heartbeat';
  /** The node is going away on purpose: its presence ends now, not with the lease. */
  readonly isLeaving: boolean;
  /** The sender may have missed anything: whoever hears this tells of all that it knows with its next one. */
  readonly isAsking: boolean;
  readonly entries: readonly HeartbeatEntry[];
}

/** Asks one node for what the asker lacks of a document. */
export interface RequestMessage {
  readonly kind: 'request';
  readonly to: string;
  readonly document: DocumentName;
  readonly nonce: number;
  /** As Yjs encodes it; empty document: a single 0. Ask with that one when the own does not fit. */
  readonly stateVector: Uint8Array;
  /** Of the asker's delete set; an equal one need not be sent. */
  readonly deleteDigest: Uint8Array;
}

/** A piece of an answer: `bytes` at `offset` of update `index` of `count`. See pieces.ts. */
export interface ReplyMessage {
  readonly kind: 'reply';
  readonly to: string;
  readonly document: DocumentName;
  readonly nonce: number;
  /** The whole answer contains everything the origin had published on this document up to here. */
  readonly upToSeq: number;
  readonly index: number;
  /** 0: there is nothing that the asker lacks. */
  readonly count: number;
  readonly offset: number;
  /** Of this update, bytes. */
  readonly size: number;
  readonly bytes: Uint8Array;
}

/** "All that you published on these documents up to there is on my disk." Cumulative. */
export interface DurableMessage {
  readonly kind: 'durable';
  /** Whose updates, of which epoch. */
  readonly to: string;
  readonly epoch: Epoch;
  readonly entries: readonly { readonly document: DocumentName; readonly upToSeq: number }[];
}

/** As `Revocation` of server/access; at least one of the three says whom. */
export interface RevokedAccess {
  readonly tokenId: string | null;
  readonly subject: string | null;
  readonly document: DocumentName | null;
  readonly atMs: number;
}

export interface RevokeMessage {
  readonly kind: 'revoke';
  readonly revocations: readonly RevokedAccess[];
}

export interface TombstoneMessage {
  readonly kind: 'tombstone';
  readonly document: DocumentName;
  readonly deletedAtMs: number;
}

/** Small messages of a dialect or an application; to the document's nodes, or to all. */
export interface ApplicationMessage {
  readonly kind: 'application';
  readonly document: DocumentName | null;
  readonly topic: string;
  readonly bytes: Uint8Array;
}

/** The slow sweep: one digest over the documents of each bucket, as `sweepBucketOf` spreads them. */
export interface BucketsMessage {
  readonly kind: 'buckets';
  /** `SWEEP_BUCKETS` digests, one after another. */
  readonly digests: Uint8Array;
}

/** Asks one node which documents are in a bucket. */
export interface ListRequestMessage {
  readonly kind: 'list-request';
  readonly to: string;
  readonly nonce: number;
  readonly bucket: number;
  /** Where the page before ended. */
  readonly after: DocumentName | null;
}

export interface ListEntry {
  readonly document: DocumentName;
  readonly isDeleted: boolean;
  readonly digest: Uint8Array;
}

export interface ListReplyMessage {
  readonly kind: 'list-reply';
  readonly to: string;
  readonly nonce: number;
  readonly bucket: number;
  readonly isLast: boolean;
  /** In order of name. */
  readonly entries: readonly ListEntry[];
}

/** Which snapshots some documents have on the origin: one digest for each of these documents. */
export interface SnapshotsMessage {
  readonly kind: 'snapshots';
  readonly entries: readonly { readonly document: DocumentName; readonly digest: Uint8Array }[];
}

/** Asks one node for the list of a document's snapshots, or for the state of one of them, from `offset`. */
export interface SnapshotRequestMessage {
  readonly kind: 'snapshot-request';
  readonly to: string;
  readonly document: DocumentName;
  readonly nonce: number;
  /** Null: the list; see snapshot-list.ts. */
  readonly id: string | null;
  readonly offset: number;
}

/** `size`: of all that was asked for; 0: there is no such thing. */
export interface SnapshotReplyMessage {
  readonly kind: 'snapshot-reply';
  readonly to: string;
  readonly document: DocumentName;
  readonly nonce: number;
  readonly size: number;
  readonly bytes: Uint8Array;
}

export type Message =
  | UpdateMessage
  | PresenceMessage
  | HeartbeatMessage
  | RequestMessage
  | ReplyMessage
  | DurableMessage
  | RevokeMessage
  | TombstoneMessage
  | ApplicationMessage
  | BucketsMessage
  | ListRequestMessage
  | ListReplyMessage
  | SnapshotsMessage
  | SnapshotRequestMessage
  | SnapshotReplyMessage;

/** Where a message travels, and where alone it is taken. */
export function channelOf(message: Message): Channel {
  switch (message.kind) {
    case 'update':
    case 'presence':
    case 'tombstone':
      return documentChannel(message.document);
    case 'application':
      return message.document === null ? EVERYONE : documentChannel(message.document);
    case 'heartbeat':
    case 'revoke':
    case 'buckets':
    case 'snapshots':
      return EVERYONE;
    case 'request':
    case 'reply':
    case 'durable':
    case 'list-request':
    case 'list-reply':
    case 'snapshot-request':
    case 'snapshot-reply':
      return nodeChannel(message.to);
  }
}

/** The document that stands in the envelope. */
export function documentOf(message: Message): DocumentName | null {
  return 'document' in message ? message.document : null;
}

export function sweepBucketOf(document: DocumentName): number {
  return hashOf(document) % SWEEP_BUCKETS;
}

/** Cuts a list whose items take some bytes each into runs of about `LIST_BYTES_MAX`; at least one, maybe empty. */
export function inRuns<T extends { readonly document: DocumentName }>(
  entries: readonly T[],
): T[][] {
  const runs: T[][] = [[]];
  let bytes = 0;
  for (const entry of entries) {
    // The name at its longest, a number, a digest, a flag.
    const size = entry.document.length * 3 + DIGEST_BYTES + 12;
    if (bytes + size > LIST_BYTES_MAX) {
      runs.push([]);
      bytes = 0;
    }
    runs.at(-1)?.push(entry);
    bytes += size;
  }
  return runs;
}
