/**
 * Records and change log of the memory store: plain maps and lists on the `MemoryDisk`, written independently of
 * the LevelDB store's.
 */
import type { MemoryDisk } from './memory-disk.ts';
import { assertBounds } from './record-store.ts';
import {
  StoreError,
  type ChangeLog,
  type ChangeRecord,
  type DocumentChange,
  type RecordChange,
  type RecordKey,
  type RecordStore,
  type StoredRecord,
} from './store.ts';

const folderOf = (key: Pick<RecordKey, 'space' | 'document'>): string =>
  JSON.stringify([key.document, key.space]);

export function isOwnedBy(folder: string, document: string): boolean {
  return (JSON.parse(folder) as [string | null, string])[0] === document;
}

/** As LevelDB orders keys: by UTF-8 bytes. */
function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export class MemoryRecords implements RecordStore {
  readonly #disk: MemoryDisk;
  readonly #isDeleted: (document: string) => boolean;

  constructor(disk: MemoryDisk, isDeleted: (document: string) => boolean) {
    this.#disk = disk;
    this.#isDeleted = isDeleted;
  }

  async get(key: RecordKey): Promise<Uint8Array | null> {
    assertOpen(this.#disk);
    return this.#disk.image.records.get(folderOf(key))?.get(key.id) ?? null;
  }

  async list(query: Parameters<RecordStore['list']>[0]): Promise<readonly StoredRecord[]> {
    assertOpen(this.#disk);
    const { after, limit } = query;
    return [...(this.#disk.image.records.get(folderOf(query)) ?? [])]
      .filter(([id]) => after === undefined || compare(id, after) > 0)
      .toSorted(([a], [b]) => compare(a, b))
      .slice(0, Math.max(0, limit))
      .map(([id, value]) => ({ id, value }));
  }

  async documents(query: Parameters<RecordStore['documents']>[0]): Promise<readonly string[]> {
    assertOpen(this.#disk);
    const { space, after, limit } = query;
    return [...this.#disk.image.records]
      .filter(([, records]) => records.size > 0)
      .map(([folder]) => JSON.parse(folder) as [string | null, string])
      .flatMap(([document, of]) => (of === space && document !== null ? [document] : []))
      .toSorted(compare)
      .filter((name) => after === undefined || compare(name, after) > 0)
      .slice(0, Math.max(0, limit));
  }

  async write(changes: readonly RecordChange[]): Promise<void> {
    assertOpen(this.#disk);
    assertBounds(changes);
    if (changes.length === 0) return;
    let bytes = 0;
    for (const { key, value } of changes) {
      bytes += value?.length ?? 0;
      if (value === null || key.document === null || !this.#isDeleted(key.document)) continue;
      throw new StoreError(
        'document-deleted',
        `document ${JSON.stringify(key.document)} was deleted`,
      );
    }
    await this.#disk.enqueue(bytes, ({ records }) => {
      for (const { key, value } of changes) {
        const folder = records.get(folderOf(key)) ?? new Map<string, Uint8Array>();
        if (value === null) folder.delete(key.id);
        else folder.set(key.id, value);
        records.set(folderOf(key), folder);
      }
    });
  }
}

function assertOpen(disk: MemoryDisk): void {
  if (disk.status === 'closed') throw new StoreError('closed', 'the store is closed');
}

export class MemoryChanges implements ChangeLog {
  readonly #disk: MemoryDisk;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  get position(): number {
    return this.#disk.image.position;
  }

  get bytes(): number {
    return bytesOf(this.#disk.image.changes);
  }

  async read(after: number, limit: number): Promise<readonly ChangeRecord[]> {
    assertOpen(this.#disk);
    const found = this.#disk.image.changes.filter(({ position }) => position > after);
    return found.slice(0, Math.max(0, limit));
  }

  async note(changes: readonly DocumentChange[]): Promise<void> {
    assertOpen(this.#disk);
    if (!this.#disk.recordsChanges) return;
    await Promise.all(changes.map((change) => this.#disk.say(change)));
  }

  async trim(upTo: number): Promise<void> {
    assertOpen(this.#disk);
    await this.#disk.enqueue(0, (image) => {
      image.changes = image.changes.filter(({ position }) => position > upTo);
    });
  }
}

/** As on disk, about: a key, a header, and one entry a document. */
function bytesOf(records: readonly ChangeRecord[]): number {
  let bytes = 0;
  for (const { changes } of records) {
    bytes += 48;
    for (const { name } of changes) bytes += 2 + Buffer.byteLength(name, 'utf8');
  }
  return bytes;
}

/** Each document once, where it was mentioned last: what `ChangeLog` says about a log above its limit. */
export function coalesced(records: readonly ChangeRecord[], bytesMax: number): ChangeRecord[] {
  if (bytesOf(records) <= bytesMax) return [...records];
  const seen = new Set<string>();
  const created = new Set<string>();
  for (const { changes } of records) {
    for (const { kind, name } of changes) if (kind === 'created') created.add(name);
  }
  const kept: ChangeRecord[] = [];
  for (const record of records.toReversed()) {
    // The last word of a record on a document counts.
    const kinds = new Map(record.changes.map(({ kind, name }) => [name, kind]));
    const changes: DocumentChange[] = [];
    for (const [name, kind] of kinds) {
      if (seen.has(name)) continue;
      seen.add(name);
      changes.push({ kind: kind === 'changed' && created.has(name) ? 'created' : kind, name });
    }
    if (changes.length > 0) kept.push({ ...record, changes });
  }
  return kept.toReversed();
}
