/** Documents: how large and how many, when they are written, compacted and closed, and the threads that work on them. */
import { GIB, MIB, bytes, count, ms, type Option } from './option.ts';

export interface DocumentConfig {
  readonly documentBytesMax: number;
  readonly documentsOpenMax: number;
  readonly commitQueueBytesMax: number;
  readonly writeTimeoutMs: number;
  readonly baseCacheBytesMax: number;
  readonly flushWindowMs: number;
  readonly roomIdleMs: number;
  readonly compactTailUpdates: number;
  readonly compactTailBytes: number;
  readonly compactTimeoutMs: number;
  readonly trialTimeoutMs: number;
  readonly workerThreads: number;
  readonly workerQueueMax: number;
  readonly contentBytesMax: number;
  readonly contentTimeoutMs: number;
  readonly restoreTimeoutMs: number;
  readonly snapshotsMax: number;
}

export const DOCUMENT_OPTIONS: readonly Option<keyof DocumentConfig>[] = [
  {
    key: 'documentBytesMax',
    env: 'DOCUMENT_BYTES_MAX',
    kind: bytes(1024, 4 * GIB),
    doc: 'Largest document, encoded; above it only deletions are accepted.',
  },
  {
    key: 'documentsOpenMax',
    env: 'DOCUMENTS_OPEN_MAX',
    kind: count(1, 1_000_000),
    doc: 'Documents open at once.',
  },
  {
    key: 'commitQueueBytesMax',
    env: 'COMMIT_QUEUE_BYTES_MAX',
    kind: bytes(64 * 1024, GIB),
    doc: 'Updates waiting for the disk; when full, sockets are not read, nothing is dropped.',
  },
  {
    key: 'writeTimeoutMs',
    env: 'WRITE_TIMEOUT_MS',
    kind: ms(100),
    doc: 'Longest time that a request over HTTP waits for the disk; then its outcome is unknown and it may be repeated.',
  },
  {
    key: 'baseCacheBytesMax',
    env: 'BASE_CACHE_BYTES_MAX',
    kind: bytes(MIB, 64 * GIB),
    doc: 'Compacted documents kept in memory, all together.',
  },
  {
    key: 'flushWindowMs',
    env: 'FLUSH_WINDOW_MS',
    kind: ms(0, 1000),
    doc: 'Longest time that a busy room collects updates before it sends them on; a quiet one sends at once.',
  },
  {
    key: 'roomIdleMs',
    env: 'ROOM_IDLE_MS',
    kind: ms(0),
    doc: 'A document without connections is compacted and closed after this time.',
  },
  {
    key: 'compactTailUpdates',
    env: 'COMPACT_TAIL_UPDATES',
    kind: count(1, 10_000_000),
    doc: 'Updates since the last compaction that start the next one.',
  },
  {
    key: 'compactTailBytes',
    env: 'COMPACT_TAIL_BYTES',
    kind: bytes(1024, GIB),
    doc: 'Bytes since the last compaction that start the next one (or a quarter of the document, if larger).',
  },
  {
    key: 'compactTimeoutMs',
    env: 'COMPACT_TIMEOUT_MS',
    kind: ms(100),
    doc: 'Longest compaction; a document that takes longer keeps its log and is reported.',
  },
  {
    key: 'trialTimeoutMs',
    env: 'TRIAL_TIMEOUT_MS',
    kind: ms(10),
    doc: 'Longest integration of an update that looks expensive, tried in a worker before it is accepted; what takes longer is tried once more with four times that.',
  },
  {
    key: 'workerThreads',
    env: 'WORKER_THREADS',
    kind: count(1, 64),
    doc: 'Threads for compaction, large updates and diffs.',
  },
  {
    key: 'workerQueueMax',
    env: 'WORKER_QUEUE_MAX',
    kind: count(1, 100_000),
    doc: 'Jobs waiting for a worker thread.',
  },
  {
    key: 'contentBytesMax',
    env: 'CONTENT_BYTES_MAX',
    kind: bytes(1024, GIB),
    doc: 'Largest rendered content; formatting can make it many times the document.',
  },
  {
    key: 'contentTimeoutMs',
    env: 'CONTENT_TIMEOUT_MS',
    kind: ms(1),
    doc: 'Rendering a document, or comparing two states of one, takes no longer.',
  },
  {
    key: 'restoreTimeoutMs',
    env: 'RESTORE_TIMEOUT_MS',
    kind: ms(1),
    doc: 'Finding out what brings a document back to a snapshot takes no longer.',
  },
  {
    key: 'snapshotsMax',
    env: 'SNAPSHOTS_MAX',
    kind: count(0, 10_000),
    doc: 'Snapshots that a document may have.',
  },
];

export function documentDefaults(): DocumentConfig {
  return {
    documentBytesMax: 64 * MIB,
    documentsOpenMax: 10_000,
    commitQueueBytesMax: 16 * MIB,
    writeTimeoutMs: 10_000,
    baseCacheBytesMax: 64 * MIB,
    flushWindowMs: 16,
    roomIdleMs: 30_000,
    compactTailUpdates: 20_000,
    compactTailBytes: 256 * 1024,
    compactTimeoutMs: 60_000,
    trialTimeoutMs: 250,
    workerThreads: 2,
    workerQueueMax: 1024,
    contentBytesMax: 64 * MIB,
    contentTimeoutMs: 10_000,
    restoreTimeoutMs: 30_000,
    snapshotsMax: 100,
  };
}
