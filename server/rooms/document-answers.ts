/** What callers without a connection are told of a document. */
import type { DocumentName } from '../protocol/document-name.ts';

/** What a document is at one moment, without its content. */
export interface DocumentVersion {
  /** SHA-256 of the version, base64url: the strong validator of its states. */
  readonly digest: string;
  /** As Yjs encodes it. */
  readonly stateVector: Uint8Array;
}

export interface DocumentMetadata extends DocumentVersion {
  readonly name: DocumentName;
  readonly bytes: number;
  /** Null where it was not recorded. */
  readonly createdAtMs: number | null;
  readonly updatedAtMs: number | null;
  readonly connections: number;
}

/** The version right after the write: everything in it was durable when the write resolved. */
export interface Written extends DocumentVersion {
  /** Everything in the update was known already. */
  readonly isRedundant: boolean;
}
