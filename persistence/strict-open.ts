/**
 * Opens a data folder only if nothing that was acked can be missing from it. LevelDB opens almost anything
 * without a word (measured: one flipped bit dropped 97 of 400 records; a missing CURRENT gave an empty database
 * *and deleted the old tables*). So the files are looked at first, while nothing has been changed:
 *
 *   before   no empty database over lost files · the live logs are there and sound up to a torn tail
 *   open
 *   after    LevelDB's own LOG tells of nothing that we don't know · it is ours, of a known version · its commit
 *            counter has reached the witness's
 *
 * In doubt the folder is refused, with what was found and what to do. `acceptDataLoss` opens it all the same.
 * Single documents are checked when they are loaded, not here: one damaged document must not stop the others.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as keys from './keys.ts';
import { LevelHandle, type Reader } from './level-handle.ts';
import type { Handle } from './medium.ts';
import { allChanges, positionOfChangeKey } from './record-keys.ts';
import { liveLogNumber, readWhole, scanLog } from './log-scan.ts';
import * as records from './records.ts';
import { StoreError } from './store.ts';
import { readWitness, syncDirectory, WITNESS_FILE, type WitnessRecord } from './witness.ts';

export interface StrictOpenOptions {
  readonly folder: string;
  readonly writeBufferSize: number;
  readonly acceptDataLoss: boolean;
  /** This process had the folder open and remembers itself what was acked: don't compare with the witness. */
  readonly isReopen?: boolean;
  /** For the store, and for this opening of it: a name that no other ever had. */
  readonly newId?: () => string;
}

export interface StrictOpenResult {
  readonly handle: Handle;
  /** What this opening is to be called; `commit` is the highest number known to be in use. */
  readonly witness: WitnessRecord;
  /** The commit that the database itself has reached. */
  readonly commit: number;
  /** What `acceptDataLoss` has overridden. */
  readonly overridden: readonly string[];
}

/** 2: base and checksum records may be of their second version. */
const SCHEMA = 2;

/** Names that LevelDB gives its files. */
const LEVEL_FILE = /^(CURRENT|MANIFEST-\d+|\d+\.(log|ldb|sst))$/;
/** A file that belongs to the data: LevelDB's and our own, not locks, logs for humans, or leftovers. */
export function isDataFile(name: string): boolean {
  return LEVEL_FILE.test(name) || name === WITNESS_FILE;
}

/** What LevelDB writes into its LOG when it drops something. */
const LOSS_IN_LOG = /dropping \d+ bytes|ignoring error|Corruption|checksum mismatch/i;

/** Collects doubts, and throws them unless the operator has accepted the loss. */
export class Doubts {
  readonly #folder: string;
  readonly #accept: boolean;
  readonly overridden: string[] = [];

  constructor(folder: string, accept: boolean) {
    this.#folder = folder;
    this.#accept = accept;
  }

  raise(what: string, cause?: unknown): void {
    if (!this.#accept) throw refusal(this.#folder, what, cause);
    this.overridden.push(what);
  }
}

function refusal(folder: string, what: string, cause?: unknown): StoreError {
  return new StoreError(
    'refused',
    `data folder ${folder} is refused: ${what}. Nothing was changed. Look at it with "syncline inspect ${folder}"; ` +
      `restore a backup, or copy out what is readable with "syncline export ${folder}", or mend it with ` +
      `"syncline repair ${folder}"; --accept-data-loss opens it as it is`,
    { cause },
  );
}

/** @throws StoreError `refused` */
export async function strictOpen(options: StrictOpenOptions): Promise<StrictOpenResult> {
  const { folder, writeBufferSize } = options;
  const doubts = new Doubts(folder, options.acceptDataLoss);
  const files = await readdir(folder);
  const witness = await witnessOf(folder, doubts);
  const createIfMissing = mayCreate(files, witness, doubts);
  const tornLogs = await checkLogs(folder, files, doubts);

  const handle = await LevelHandle.open(folder, { createIfMissing, writeBufferSize }).catch(
    (error: unknown) => {
      throw refusal(folder, `LevelDB cannot open it (${messageOf(error)})`, error);
    },
  );
  try {
    await checkLevelLog(folder, tornLogs, doubts);
    const found = await handle.read((reader) => checkContents(reader, options, witness, doubts));
    return { handle, ...found, overridden: doubts.overridden };
  } catch (error) {
    await handle.close();
    if (error instanceof StoreError) throw error;
    throw refusal(folder, `it cannot be read (${messageOf(error)})`, error);
  }
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return `${error.message}${cause}`;
}

async function witnessOf(folder: string, doubts: Doubts): Promise<WitnessRecord | null> {
  try {
    return await readWitness(folder);
  } catch (error) {
    doubts.raise(`its ${WITNESS_FILE} cannot be read (${messageOf(error)})`, error);
    return null;
  }
}

/** True if an empty database may be created: there is nothing that it could replace. */
function mayCreate(
  files: readonly string[],
  witness: WitnessRecord | null,
  doubts: Doubts,
): boolean {
  if (files.includes('CURRENT')) return false;
  const rest = files.filter((name) => LEVEL_FILE.test(name));
  if (rest.some((name) => /\.(ldb|sst)$/.test(name))) {
    // Never, not even on request: LevelDB would delete these tables.
    throw refusalWithoutOverride(`CURRENT is missing but ${rest.length} LevelDB files are there`);
  }
  if (witness !== null && witness.commit > 0) {
    doubts.raise(`the database is missing, which had reached commit ${witness.commit}`);
  } else if (rest.some((name) => name.endsWith('.log'))) {
    doubts.raise('CURRENT is missing but a log is there');
  }
  // A crash in the very first open leaves a MANIFEST without CURRENT: nothing was stored yet.
  return true;
}

function refusalWithoutOverride(what: string): StoreError {
  return new StoreError(
    'refused',
    `${what}; opening would delete them. Nothing was changed. Mend it with "syncline repair" (it copies the ` +
      `folder first); --accept-data-loss does not apply`,
  );
}

/** Returns the logs with a torn tail, of which LevelDB's own LOG may speak. */
async function checkLogs(
  folder: string,
  files: readonly string[],
  doubts: Doubts,
): Promise<readonly string[]> {
  const oldest = await oldestLiveLog(folder);
  const logs = files
    .filter((name) => /^\d+\.log$/.test(name) && Number.parseInt(name, 10) >= (oldest ?? 0))
    .toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  if (oldest !== null && !logs.some((name) => Number.parseInt(name, 10) === oldest)) {
    doubts.raise(`its log ${String(oldest).padStart(6, '0')}.log is missing`);
  }
  const torn: string[] = [];
  let next: bigint | null = null;
  for (const name of logs) {
    const scan = scanLog(await readWhole(join(folder, name)));
    if (scan.damage !== null) doubts.raise(`${name}: ${scan.damage}`);
    if (next !== null && scan.firstSequence !== null && scan.firstSequence !== next) {
      doubts.raise(
        `${name} begins at ${scan.firstSequence}, but the log before it ends at ${next}`,
      );
    }
    next = scan.nextSequence ?? next;
    if (scan.tornBytes > 0) torn.push(name);
  }
  return torn;
}

/** Null if there is no MANIFEST to ask, or it is unreadable: LevelDB's open will say what is wrong with it. */
async function oldestLiveLog(folder: string): Promise<number | null> {
  try {
    const name = (await readFile(join(folder, 'CURRENT'), 'utf8')).trim();
    return liveLogNumber(await readWhole(join(folder, name)));
  } catch {
    return null;
  }
}

async function checkLevelLog(
  folder: string,
  tornLogs: readonly string[],
  doubts: Doubts,
): Promise<void> {
  const text = await readFile(join(folder, 'LOG'), 'utf8').catch(() => ''); // a full disk may have no LOG
  const line = text.split('\n').find((candidate) => LOSS_IN_LOG.test(candidate));
  // Garbage in a torn tail is dropped loudly too; that it was only a tail, the scan has shown.
  if (line !== undefined && tornLogs.length === 0)
    doubts.raise(`LevelDB's LOG says: ${line.trim()}`);
}

type Contents = Pick<StrictOpenResult, 'witness' | 'commit'>;

/** What the database itself says, whatever it lies on. @throws StoreError `refused` */
export async function checkContents(
  reader: Reader,
  { folder, isReopen = false, newId = randomUUID }: StrictOpenOptions,
  witness: WitnessRecord | null,
  doubts: Doubts,
): Promise<Contents> {
  const epoch = newId();
  const value = await reader.get(keys.storeKey);
  if (value === undefined) {
    if (witness !== null && witness.commit > 0) {
      doubts.raise(`it is empty or another's, but ${WITNESS_FILE} names store ${witness.storeId}`);
    } else if (await isForeign(reader)) {
      throw refusal(folder, 'it holds a LevelDB database of another program');
    }
    const storeId = witness?.storeId ?? newId();
    return { witness: { storeId, epoch, commit: witness?.commit ?? 0 }, commit: 0 };
  }
  const store = records.decodeStore(value);
  if (store === null) doubts.raise('its store record is damaged');
  else if (store.schema > SCHEMA) {
    throw refusal(folder, `it was written by a newer version (schema ${store.schema})`);
  }
  const commit = store?.commit ?? 0;
  // Where tables were lost, a change record may be newer than the store record: positions must not go back.
  const newestChange = await reader.last(allChanges);
  const position = newestChange === null ? 0 : positionOfChangeKey(newestChange[0]);
  const storeId = store?.storeId ?? witness?.storeId ?? newId();
  if (witness === null) {
    doubts.raise(`its ${WITNESS_FILE} is missing, so that a loss could not be noticed`);
  } else if (witness.storeId !== storeId) {
    doubts.raise(`it holds store ${storeId}, but ${WITNESS_FILE} names store ${witness.storeId}`);
  } else if (commit < witness.commit && !isReopen) {
    doubts.raise(
      `it ends at commit ${commit}, but commit ${witness.commit} was acknowledged: the end of its log is lost`,
    );
  }
  const highest = Math.max(commit, witness?.commit ?? 0, position);
  return { witness: { storeId, epoch, commit: highest }, commit };
}

/** True if there is data, and none of it where y-leveldb or Syncline would put it. */
async function isForeign(reader: Reader): Promise<boolean> {
  for (const range of keys.knownRanges) {
    for await (const _ of reader.keys(range)) return false;
  }
  for await (const _ of reader.keys({ gte: Buffer.alloc(0), lt: Buffer.alloc(64, 0xff) }))
    return true;
  return false;
}

/** Before `strictOpen`. A folder that does not exist is a new store. */
export async function ensureFolder(folder: string): Promise<void> {
  try {
    const created = await mkdir(folder, { recursive: true });
    if (created === undefined) return;
    // The names of new folders must be as durable as what is stored in them.
    for (let parent = dirname(folder); ; parent = dirname(parent)) {
      await syncDirectory(parent);
      if (parent === dirname(created) || parent === dirname(parent)) return;
    }
  } catch (error) {
    throw new StoreError('refused', `data folder ${folder}: ${messageOf(error)}`, { cause: error });
  }
}

/** The record that every batch carries. */
export function storeRecord(storeId: string, commit: number): Buffer {
  return records.encodeStore({ schema: SCHEMA, storeId, commit });
}
