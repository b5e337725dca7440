/**
 * Documents as callers without a connection see them: whole requests in, whole answers out. The facade over
 * registry, rooms and store that every REST route uses; it knows no HTTP. Access is the caller's business.
 */
import type { DocumentSummary } from '../../persistence/store.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { Author } from './author.ts';
import type { RoomContext } from './context.ts';
import type { Registry } from './registry.ts';
import type { Room } from './room.ts';

export type { Author } from './author.ts';

export interface DocumentMetadata {
  readonly name: DocumentName;
  /** SHA-256 of the version, base64url. */
  readonly digest: string;
  readonly stateVector: Uint8Array;
  readonly bytes: number;
  readonly createdAtMs: number | null;
  readonly updatedAtMs: number | null;
  readonly connections: number;
}

export interface DocumentState {
  readonly digest: string;
  /** Of the whole document, whatever `parts` leave out. */
  readonly stateVector: Uint8Array;
  /** Sum of the parts' lengths. */
  readonly bytes: number;
  /** Concatenated: one valid V1 update. Views of shared memory: not to be changed. */
  readonly parts: readonly Uint8Array[];
  /** False when the disk may not have all of it yet. */
  readonly isDurable: boolean;
}

export interface Written {
  readonly digest: string;
  readonly stateVector: Uint8Array;
  /** Everything in the update was known already. */
  readonly isRedundant: boolean;
}

export interface WriteOptions {
  readonly author?: Author;
  /** A document that does not exist is created by the write; otherwise it is `document-not-found`. */
  readonly isCreating?: boolean;
}

export class Documents {
  readonly #registry: Registry;
  readonly #context: RoomContext;

  constructor(registry: Registry, context: RoomContext) {
    this.#registry = registry;
    this.#context = context;
  }

  /** Stored documents in order of name, without tombstones. */
  async list(query: {
    prefix?: string;
    after?: string;
    limit: number;
  }): Promise<readonly DocumentSummary[]> {
    return await this.#context.store.list(query);
  }

  async metadata(_name: DocumentName): Promise<DocumentMetadata> {
    return await pending();
  }

  async create(
    _name: DocumentName,
    _update: Uint8Array | null,
  ): Promise<Written & { readonly isNew: boolean }> {
    return await pending();
  }

  async state(_name: DocumentName, _since: Uint8Array | null): Promise<DocumentState> {
    return await pending();
  }

  async write(
    _name: DocumentName,
    _update: Uint8Array,
    _options: WriteOptions = {},
  ): Promise<Written> {
    return await pending();
  }

  async sync(
    _name: DocumentName,
    _stateVector: Uint8Array,
    _update: Uint8Array | null,
    _options: WriteOptions = {},
  ): Promise<{ readonly written: Written | null; readonly state: DocumentState }> {
    return await pending();
  }

  async delete(_name: DocumentName): Promise<void> {
    await pending();
  }

  async copy(_from: DocumentName, _to: DocumentName): Promise<Written> {
    return await pending();
  }

  /** Resolves when this node has all that the state vector says. @throws ProtocolError `replica-behind` */
  async waitFor(_name: DocumentName, _stateVector: Uint8Array, _timeoutMs: number): Promise<void> {
    await pending();
  }

  /** For event streams: as the gateway opens. */
  async openRoom(name: DocumentName): Promise<Room> {
    return await this.#registry.open(name);
  }
}

async function pending(): Promise<never> {
  throw new ProtocolError('internal', 'not built yet');
}
