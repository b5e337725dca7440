/**
 * A document's snapshots: kept states, compared with one another, and brought back as a new update that merges
 * with whatever is edited meanwhile (decision 0013).
 */
import { ProtocolError } from '../protocol/errors.ts';
import type { DocumentName } from '../protocol/document-name.ts';

export interface SnapshotInfo {
  /** Sorts by time of creation. */
  readonly id: string;
  readonly label: string | null;
  readonly createdAtMs: number;
  /** Subject of who made it. */
  readonly author: string;
  /** Digest of the version that it holds. */
  readonly digest: string;
  /** Of the state as one update, uncompressed. */
  readonly bytes: number;
}

/** A run of text that both have, or one. */
export interface TextChange {
  readonly kind: 'equal' | 'added' | 'removed';
  readonly text: string;
}

/** What a restore has led to: see `Written` of documents.ts. `isRedundant`: the document was like that already. */
export interface Restored {
  readonly digest: string;
  readonly stateVector: Uint8Array;
  readonly isRedundant: boolean;
}

export interface DiffQuery {
  readonly from: string;
  /** Id of another snapshot, or `now`. */
  readonly to: string;
  /** The root to compare, read as a text. */
  readonly rootName: string;
}

export class History {
  /** Durable when it resolves. @throws ProtocolError `snapshot-limit`, `invalid-request`; as `Documents.state` */
  async create(name: DocumentName, label: string | null, author: string): Promise<SnapshotInfo> {
    throw await Promise.resolve(new ProtocolError('internal', `${name} ${label} ${author}`));
  }

  /** Newest first, `after` (exclusive) an id. */
  async list(
    name: DocumentName,
    after: string | null,
    limit: number,
  ): Promise<readonly SnapshotInfo[]> {
    throw await Promise.resolve(new ProtocolError('internal', `${name} ${after} ${limit}`));
  }

  /** @throws ProtocolError `snapshot-not-found` */
  async info(name: DocumentName, id: string): Promise<SnapshotInfo> {
    throw await Promise.resolve(new ProtocolError('internal', `${name} ${id}`));
  }

  /** The state as one update, gzipped as it is stored. @throws ProtocolError `snapshot-not-found` */
  async gzippedState(
    name: DocumentName,
    id: string,
  ): Promise<{ readonly info: SnapshotInfo; readonly gzipped: Uint8Array }> {
    throw await Promise.resolve(new ProtocolError('internal', `${name} ${id}`));
  }

  /** @throws ProtocolError `snapshot-not-found` */
  async delete(name: DocumentName, id: string): Promise<void> {
    throw await Promise.resolve(new ProtocolError('internal', `${name} ${id}`));
  }

  /** A unified diff. @throws ProtocolError `snapshot-not-found`, `wrong-type`, `too-expensive` */
  async unifiedDiff(name: DocumentName, query: DiffQuery): Promise<string> {
    throw await Promise.resolve(new ProtocolError('internal', `${name} ${query.from}`));
  }

  /** The same as a list. @throws ProtocolError `snapshot-not-found`, `wrong-type`, `too-expensive` */
  async changes(name: DocumentName, query: DiffQuery): Promise<readonly TextChange[]> {
    throw await Promise.resolve(new ProtocolError('internal', `${name} ${query.from}`));
  }

  /** Writes an update after which the document shows what the snapshot does; durable when it resolves. */
  async restore(name: DocumentName, id: string): Promise<Restored> {
    throw await Promise.resolve(new ProtocolError('internal', `${name} ${id}`));
  }
}
