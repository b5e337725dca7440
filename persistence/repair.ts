/**
 * Makes a damaged folder one that a node serves again, from what can still be read. Everything that is dropped
 * is said. The folder is copied first: the copy is the way back.
 *
 * What makes a document sound in the sense of Yjs is decided by the caller (`choose`): this file knows bytes,
 * checksums and numbers only. A repaired document is written anew, as updates numbered from 0.
 */
import { crc32 } from 'node:zlib';
import { missingFromIndex } from './documents.ts';
import { readDocument, readChunks } from './document-read.ts';
import { lockFolder } from './folder-lock.ts';
import { Batch } from './group-commit.ts';
import * as keys from './keys.ts';
import { LevelHandle, type Reader } from './level-handle.ts';
import { LevelStore } from './level-store.ts';
import { surveyRecords, type DamagedRecord } from './offline-records.ts';
import { assertDataFolder, copyFolder } from './offline.ts';
import * as records from './records.ts';
import { StoreError } from './store.ts';
import { messageOf, strictOpen } from './strict-open.ts';

export interface Salvaged {
  readonly seq: number;
  readonly bytes: Uint8Array;
}

export interface Choice {
  readonly kept: readonly Salvaged[];
  readonly setAside: readonly { readonly update: Salvaged; readonly reason: string }[];
}

export interface RepairReport {
  /** Where the folder was copied to; null if nothing had to be done. */
  readonly copy: string | null;
  /** What was wrong with the folder as a whole. */
  readonly findings: readonly string[];
  /** Documents that were written anew, with everything that is missing from them. */
  readonly documents: readonly { readonly name: string; readonly lost: readonly string[] }[];
  readonly documentCount: number;
  /** Records of other parts that could not be read, and are gone. */
  readonly droppedRecords: readonly string[];
}

const OPTIONS = { createIfMissing: false, writeBufferSize: 4 * 1024 * 1024 };
const BATCH_BYTES_MAX = 1024 * 1024;

/**
 * @param choose picks what can be used of a damaged document's updates, in order
 * @param suffix of the copy's name
 * @throws StoreError `locked`, `refused`
 */
export async function repairFolder(
  folder: string,
  suffix: string,
  choose: (updates: readonly Salvaged[]) => Choice,
): Promise<RepairReport> {
  await assertDataFolder(folder);
  const lock = await lockFolder(folder);
  const findings: string[] = [];
  const documents: { name: string; lost: string[] }[] = [];
  let copy: string | null = null;
  let documentCount = 0;
  const droppedRecords: string[] = [];
  try {
    await strictOpen({
      folder,
      writeBufferSize: OPTIONS.writeBufferSize,
      acceptDataLoss: false,
    }).then(
      ({ handle }) => handle.close(),
      (error: unknown) => findings.push(messageOf(error)),
    );
    // A sound folder is only copied when a document in it turns out to be damaged.
    if (findings.length > 0) copy = await copyFolder(folder, suffix);
    let handle = await openMended(folder, findings);
    try {
      let survey = await surveyDocuments(handle);
      const { length: damagedCount } = [...survey.damaged, ...survey.damagedRecords];
      if (damagedCount > 0 || survey.isUnreadable) {
        copy ??= await copyFolder(folder, suffix);
      }
      if (survey.isUnreadable) {
        findings.push('a part of a table could not be read; LevelDB has dropped it');
        await handle.close();
        await LevelHandle.repair(folder);
        handle = await LevelHandle.open(folder, OPTIONS);
        survey = await surveyDocuments(handle);
      }
      documentCount = survey.count;
      for (const { name, problem } of survey.damaged) {
        documents.push({ name, lost: [problem, ...(await rewrite(handle, name, choose))] });
      }
      await writeAll(
        handle,
        survey.damagedRecords.map(({ key }) => [key, null] as const),
      );
      droppedRecords.push(...survey.damagedRecords.map(({ what }) => what));
    } finally {
      await handle.close();
    }
  } finally {
    await lock.release();
  }
  // A node's open, which takes stock: from now on the folder is what it is.
  const store = new LevelStore({ folder, acceptDataLoss: true });
  await store.open();
  await store.close();
  return { copy, findings, documents, documentCount, droppedRecords };
}

async function openMended(folder: string, findings: string[]): Promise<LevelHandle> {
  try {
    return await LevelHandle.open(folder, OPTIONS);
  } catch (error) {
    findings.push(`LevelDB could not open it (${messageOf(error)}) and has rebuilt its index`);
    await LevelHandle.repair(folder);
    return await LevelHandle.open(folder, OPTIONS);
  }
}

interface Survey {
  readonly count: number;
  readonly damaged: readonly { readonly name: string; readonly problem: string }[];
  readonly damagedRecords: readonly DamagedRecord[];
  /** LevelDB could not read some of its own data. */
  readonly isUnreadable: boolean;
}

async function surveyDocuments(handle: LevelHandle): Promise<Survey> {
  return await handle.read(async (reader) => {
    const names: string[] = [];
    const damaged: { name: string; problem: string }[] = [];
    let isUnreadable = false;
    try {
      for await (const key of reader.keys(keys.nameRange({}))) names.push(keys.nameOfNameKey(key));
      for await (const name of missingFromIndex(reader)) names.push(name);
    } catch {
      isUnreadable = true;
    }
    for (const name of names) {
      try {
        const { base } = await readDocument(reader, name);
        await readChunks(reader, name, base?.chunks ?? []);
      } catch (error) {
        if (error instanceof StoreError && error.code === 'document-deleted') continue;
        if (!(error instanceof StoreError)) isUnreadable = true;
        damaged.push({ name, problem: messageOf(error) });
      }
    }
    let damagedRecords: readonly DamagedRecord[] = [];
    try {
      damagedRecords = (await surveyRecords(reader)).damaged;
    } catch {
      isUnreadable = true;
    }
    return { count: names.length, damaged, damagedRecords, isUnreadable };
  });
}

interface Salvage {
  readonly updates: Salvaged[];
  readonly setAside: { update: Salvaged; reason: string }[];
  readonly lost: string[];
  readonly createdAtMs: number | null;
  readonly updatedAtMs: number;
  readonly oldKeys: Buffer[];
}

async function decoded<T>(
  reader: Reader,
  key: Buffer,
  decode: (value: Uint8Array) => T | null,
): Promise<T | null> {
  const value = await reader.get(key);
  return value === undefined ? null : decode(value);
}

/** Everything that can be read of a document, chunks first; checksums decide, holes don't. */
async function salvage(reader: Reader, name: string): Promise<Salvage> {
  const record = await decoded(reader, keys.nameKey(name), records.decodeDocument);
  const base = await decoded(reader, keys.recordKey('base', name), records.decodeBase);
  const skips = await decoded(reader, keys.recordKey('skips', name), records.decodeSkips);
  const sums = new Map<number, number>();
  let updatedAtMs = base?.updatedAtMs ?? 0;
  const oldKeys = [keys.recordKey('base', name), keys.recordKey('skips', name)];
  for await (const [key, value] of reader.entries(keys.recordRange('sums', name))) {
    oldKeys.push(key);
    const first = keys.seqOfKey(key);
    const batch = records.decodeSums(value);
    updatedAtMs = Math.max(updatedAtMs, batch?.atMs ?? 0);
    for (const [index, crc] of (batch?.crcs ?? []).entries()) {
      sums.set(first + index, crc);
    }
  }
  const chunks = new Map((base?.chunks ?? []).map((chunk) => [chunk.seq, chunk]));
  const fromBase: Salvaged[] = [];
  const fromTail: Salvaged[] = [];
  const setAside: Salvage['setAside'] = [];
  const prefix = keys.updateKeyPrefix(name);
  for await (const [key, bytes] of reader.entries(keys.updateRange(prefix, 0, keys.SEQ_MAX))) {
    oldKeys.push(key);
    const update = { seq: keys.seqOfKey(key), bytes };
    const chunk = chunks.get(update.seq);
    const skipped = skips?.get(update.seq);
    const crc = crc32(bytes);
    chunks.delete(update.seq);
    if (skipped === crc) continue;
    const expected = chunk?.crc ?? (skipped === undefined ? sums.get(update.seq) : undefined);
    if (expected !== undefined && expected !== crc) {
      setAside.push({ update, reason: 'its checksum is wrong' });
    } else if (chunk === undefined) fromTail.push(update);
    else fromBase.push(update);
  }
  const lost = [...chunks.values()].map(
    ({ seq, length }) => `chunk ${seq} of its base is missing (${length} bytes)`,
  );
  const updates = [...fromBase, ...fromTail];
  const createdAtMs = record?.createdAtMs ?? null;
  return { updates, setAside, lost, createdAtMs, updatedAtMs, oldKeys };
}

async function rewrite(
  handle: LevelHandle,
  name: string,
  choose: (updates: readonly Salvaged[]) => Choice,
): Promise<string[]> {
  const found = await handle.read((reader) => salvage(reader, name));
  const { kept, setAside } = choose(found.updates);
  const atMs = Date.now();
  const operations: [Buffer, Uint8Array | null][] = found.oldKeys.map((key) => [key, null]);
  const lost = [...found.lost];
  for (const { update, reason } of [...found.setAside, ...setAside]) {
    lost.push(`update ${update.seq} was set aside (${update.bytes.length} bytes): ${reason}`);
    operations.push([
      keys.numberedRecordKey('quarantine', name, update.seq),
      records.encodeQuarantine({ reason, atMs, bytes: update.bytes }),
    ]);
  }
  const prefix = keys.updateKeyPrefix(name);
  for (const [seq, { bytes }] of kept.entries()) {
    operations.push([keys.updateKey(prefix, seq), bytes]);
    const sums = records.encodeSums([crc32(bytes)], found.updatedAtMs || atMs);
    operations.push([keys.numberedRecordKey('sums', name, seq), sums]);
  }
  const record = { createdAtMs: found.createdAtMs, deletedAtMs: null };
  operations.push([keys.nameKey(name), records.encodeDocument(record)]);
  const stateVector = kept.length === 0 ? null : records.ourStateVector;
  operations.push([keys.stateVectorKey(name), stateVector]);
  await writeAll(handle, operations);
  lost.push(`${kept.length} updates were kept`);
  return lost;
}

async function writeAll(
  handle: LevelHandle,
  operations: readonly (readonly [Buffer, Uint8Array | null])[],
): Promise<void> {
  let batch = new Batch();
  for (const [key, value] of operations) {
    batch.put(key, value);
    batch.bytes += value?.length ?? 0;
    if (batch.bytes < BATCH_BYTES_MAX) continue;
    await handle.write(batch);
    batch = new Batch();
  }
  await handle.write(batch);
}
