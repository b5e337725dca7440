/**
 * Opening a document: what is stored becomes a version and a tail, without decoding the base. Nobody is served
 * before this has succeeded, and a load that fails writes nothing. [I8]
 *
 * A stored update that the check does not let through (written by another program, or by an older build) sends
 * the document through the referee first: compaction keeps what Yjs can integrate and sets the rest aside.
 */
import { StoreError, type BaseInfo, type StoredDocument } from '../../persistence/store.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import { INLINE_SCAN_BYTES_MAX } from '../protocol/limits.ts';
import { judge } from './updates/check.ts';
import { compactStored } from './compact-stored.ts';
import type { RoomContext } from './context.ts';
import { Room } from './room.ts';
import { scan } from './updates/scan.ts';
import { Version } from './updates/version.ts';

/** @throws StoreError, WorkerError: the caller refuses everybody who waits, and nothing was overwritten */
export async function openRoom(
  name: DocumentName,
  context: RoomContext,
  isGuarded: boolean,
): Promise<Room> {
  let stored = await context.store.load(name);
  let version = await storedVersion(name, stored, context);
  let hasCulprits = false;
  if (version === null) {
    const { quarantined } = await compactStored(name, stored, context);
    hasCulprits = quarantined > 0;
    stored = await context.store.load(name);
    version = await storedVersion(name, stored, context);
  }
  if (version === null) {
    throw new StoreError(
      'document-damaged',
      `"${name}" has stored updates that cannot be integrated; run syncline inspect`,
    );
  }
  return new Room(name, context, stored, version, isGuarded || hasCulprits);
}

/** The version that base and tail add up to; null when the tail does not follow from the base. */
async function storedVersion(
  name: DocumentName,
  stored: StoredDocument,
  context: RoomContext,
): Promise<Version | null> {
  const version = await baseVersion(name, stored.base, context);
  for (const { bytes } of stored.tail) {
    const verdict =
      bytes.byteLength <= INLINE_SCAN_BYTES_MAX
        ? judge(scan(bytes, 'stored'), version)
        : judge(await context.workers.scan(bytes, 'stored'), version);
    if (verdict.kind === 'new') version.apply(verdict.summary);
    else if (verdict.kind !== 'redundant') return null;
  }
  return version;
}

/** The head of the base. One that an older build wrote says nothing of homes: it is made anew from the base. */
async function baseVersion(
  name: DocumentName,
  base: BaseInfo | null,
  context: RoomContext,
): Promise<Version> {
  if (base === null) return new Version();
  let head = Version.decode(base.head);
  if (head?.knowsHomes === false) {
    const chunks = await context.store.readBase(name, base.generation);
    head = Version.decode(await context.workers.headOf(chunks));
  }
  if (head === null) {
    throw new StoreError('document-damaged', 'the head record of the base does not decode');
  }
  return head;
}
