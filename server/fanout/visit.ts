/**
 * Opens a document for another node's sake. What was deleted is told apart before the room is opened, because other
 * nodes mention it for a while and none of that is an error.
 */
import type { DocumentName } from '../protocol/document-name.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { Room } from '../rooms/room.ts';
import type { FanoutScene } from './part.ts';

export interface Visit {
  readonly room: Room;
  readonly release: () => void;
}

/** @throws ProtocolError `document-deleted`, `overloaded`, `draining`, …; StoreError */
export async function visit(
  { registry, store, isStored }: Pick<FanoutScene, 'registry' | 'store' | 'isStored'>,
  document: DocumentName,
): Promise<Visit> {
  if (registry.find(document) === null && !isStored(document)) {
    const stat = await store.stat(document);
    if (stat?.isDeleted === true) throw new ProtocolError('document-deleted');
  }
  return await registry.visit(document);
}

export function isDeletion(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'document-deleted';
}
