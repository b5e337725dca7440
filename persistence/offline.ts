/**
 * Looks into a data folder that no node has open, for the `syncline` tool. It never makes things worse: LevelDB
 * rewrites logs when it opens them, and drops what it cannot read; so a folder that a node would refuse is
 * copied first, and what is opened (and, if need be, mended by LevelDB) is the copy.
 */
import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { missingFromIndex } from './documents.ts';
import { readChunks, readDocument, type DocumentImage } from './document-read.ts';
import { lockFolder, type FolderLock } from './folder-lock.ts';
import * as keys from './keys.ts';
import { LevelHandle, type Reader } from './level-handle.ts';
import type { Handle } from './medium.ts';
import {
  describeRecord,
  portableRecordKeys,
  surveyRecords,
  type OfflineRecords,
} from './offline-records.ts';
import { keyOfRecord } from './record-keys.ts';
import * as records from './records.ts';
import { StoreError, type QuarantineEntry, type RecordKey } from './store.ts';
import { isDataFile, messageOf, strictOpen } from './strict-open.ts';

const WRITE_BUFFER_BYTES = 4 * 1024 * 1024;

/** A document as the tool sees it: what there is, or what is wrong with it. */
export interface OfflineDocument {
  readonly name: string;
  readonly createdAtMs: number | null;
  readonly deletedAtMs: number | null;
  readonly baseBytes: number;
  readonly chunkCount: number;
  readonly tailBytes: number;
  readonly tailCount: number;
  readonly lastSeq: number;
  readonly quarantined: readonly (QuarantineEntry & { readonly bytes: number })[];
  readonly problem: string | null;
}

export class OfflineFolder {
  readonly folder: string;
  /** What makes a node refuse the folder; empty for a sound one. */
  readonly findings: string[] = [];
  readonly #lock: FolderLock;
  #handle: Handle | null = null;
  #copy: string | null = null;

  constructor(folder: string, lock: FolderLock) {
    this.folder = folder;
    this.#lock = lock;
  }

  /** @throws StoreError `locked`, `refused` (there is nothing to look at) */
  static async open(folder: string): Promise<OfflineFolder> {
    await assertDataFolder(folder);
    const offline = new OfflineFolder(folder, await lockFolder(folder));
    try {
      await offline.#open();
      return offline;
    } catch (error) {
      await offline.close();
      throw error;
    }
  }

  async #open(): Promise<void> {
    const options = { writeBufferSize: WRITE_BUFFER_BYTES, acceptDataLoss: false };
    try {
      this.#handle = (await strictOpen({ folder: this.folder, ...options })).handle;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.findings.push(error.message);
      this.#copy = await copyFolder(this.folder, `inspected-${process.pid}`);
      const open = { createIfMissing: false, writeBufferSize: WRITE_BUFFER_BYTES };
      const copy = this.#copy;
      this.#handle = await LevelHandle.open(copy, open).catch(async () => {
        await LevelHandle.repair(copy);
        return await LevelHandle.open(copy, open);
      });
    }
  }

  async *names(): AsyncIterable<string> {
    const names: string[] = [];
    try {
      await this.read(async (reader) => {
        for await (const key of reader.keys(keys.nameRange({})))
          names.push(keys.nameOfNameKey(key));
        for await (const name of missingFromIndex(reader)) names.push(name);
      });
    } catch (error) {
      this.findings.push(`the list of documents cannot be read completely (${messageOf(error)})`);
    }
    yield* names;
  }

  async document(name: string): Promise<OfflineDocument> {
    let record: records.DocumentRecord | null = null;
    let image: DocumentImage | null = null;
    let problem: string | null = null;
    const quarantined: OfflineDocument['quarantined'][number][] = [];
    try {
      await this.read(async (reader) => {
        const value = await reader.get(keys.nameKey(name));
        record = value === undefined ? null : records.decodeDocument(value);
        quarantined.push(...(await readQuarantine(reader, name)));
        if (record?.deletedAtMs !== undefined && record.deletedAtMs !== null) return;
        image = await readDocument(reader, name);
        await readChunks(reader, name, image.base?.chunks ?? []);
      });
    } catch (error) {
      problem = messageOf(error);
    }
    return summary(name, record, image, quarantined, problem);
  }

  /** All updates of a sound document, base first. @throws StoreError `document-damaged`, and LevelDB's errors */
  async updates(name: string): Promise<Uint8Array[]> {
    return await this.read(async (reader) => {
      const { base, tail } = await readDocument(reader, name);
      const chunks = await readChunks(reader, name, base?.chunks ?? []);
      return [...chunks, ...tail.map((update) => update.bytes)];
    });
  }

  /** What there is beside documents. */
  async records(): Promise<OfflineRecords> {
    try {
      const { damaged, ...rest } = await this.read(surveyRecords);
      return { ...rest, damaged: damaged.map(({ what }) => what) };
    } catch (error) {
      this.findings.push(`the records cannot be read completely (${messageOf(error)})`);
      return { spaces: [], changes: { count: 0, bytes: 0 }, damaged: [] };
    }
  }

  /** Keys of the records that an archive takes along. */
  async portableRecords(): Promise<readonly RecordKey[]> {
    const found: RecordKey[] = [];
    try {
      await this.read(async (reader) => {
        for await (const key of portableRecordKeys(reader)) found.push(key);
      });
    } catch (error) {
      this.findings.push(`the records cannot be read completely (${messageOf(error)})`);
    }
    return found;
  }

  /** @throws StoreError `record-damaged` */
  async record(key: RecordKey): Promise<Uint8Array> {
    const value = await this.read((reader) => reader.get(keyOfRecord(key)));
    const payload = value === undefined ? null : records.decodeOpaque(value);
    if (payload !== null) return payload;
    throw new StoreError('record-damaged', `the ${describeRecord(key)} is damaged`);
  }

  async read<T>(read: (reader: Reader) => Promise<T>): Promise<T> {
    if (this.#handle === null) throw new StoreError('closed', 'the folder is closed');
    return await this.#handle.read(read);
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = null;
    if (this.#copy !== null) await rm(this.#copy, { recursive: true, force: true });
    await this.#lock.release();
  }
}

async function readQuarantine(
  reader: Reader,
  name: string,
): Promise<OfflineDocument['quarantined']> {
  const found: OfflineDocument['quarantined'][number][] = [];
  for await (const [key, value] of reader.entries(keys.recordRange('quarantine', name))) {
    const record = records.decodeQuarantine(value);
    const bytes = record?.bytes.length ?? 0;
    found.push({ seq: keys.seqOfKey(key), reason: record?.reason ?? 'unreadable', bytes });
  }
  return found;
}

function sum(lengths: readonly number[]): number {
  return lengths.reduce((total, length) => total + length, 0);
}

function summary(
  name: string,
  record: records.DocumentRecord | null,
  image: DocumentImage | null,
  quarantined: OfflineDocument['quarantined'],
  problem: string | null,
): OfflineDocument {
  const chunks = image?.base?.chunks ?? [];
  const tail = image?.tail ?? [];
  return {
    name,
    createdAtMs: record?.createdAtMs ?? null,
    deletedAtMs: record?.deletedAtMs ?? null,
    baseBytes: sum(chunks.map((chunk) => chunk.length)),
    chunkCount: chunks.length,
    tailBytes: sum(tail.map((update) => update.bytes.length)),
    tailCount: tail.length,
    lastSeq: image?.lastSeq ?? -1,
    quarantined,
    problem,
  };
}

/** The tool creates nothing where there is nothing. */
export async function assertDataFolder(folder: string): Promise<void> {
  const stats = await stat(folder).catch(() => null);
  if (stats?.isDirectory() !== true) {
    throw new StoreError('refused', `${folder} is not a folder`);
  }
  if (!(await readdir(folder)).some(isDataFile)) {
    throw new StoreError('refused', `${folder} holds no Syncline or y-leveldb data`);
  }
}

/** Copies the files of a data folder to a new folder beside it; cheap where the file system shares blocks. */
export async function copyFolder(folder: string, suffix: string): Promise<string> {
  const base = join(folder, '..', basename(folder));
  const target = `${base}.${suffix}`;
  await mkdir(target);
  for (const name of await readdir(folder)) {
    // The lock stays with its owner, and reading the file would drop it.
    if (!isDataFile(name)) continue;
    await copyFile(join(folder, name), join(target, name), constants.COPYFILE_FICLONE);
  }
  return target;
}
