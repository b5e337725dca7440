/**
 * What it costs to answer a request for a document's state: CPU of the whole process, worker threads included,
 * on LevelDB, beside what Yjs itself needs for the same bytes. `node dist/test/bench/state-main.js [MB of map entries] [MB of typed
 * text]`; typing takes minutes a few MB.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as Y from 'yjs';
import { LevelStore } from '../../persistence/level-store.ts';
import { defaults } from '../../server/options.ts';
import { parseDocumentName } from '../../server/protocol/document-name.ts';
import { BaseCache } from '../../server/rooms/base-cache.ts';
import { RoomStats, type RoomContext } from '../../server/rooms/context.ts';
import { Documents } from '../../server/rooms/documents.ts';
import { Registry } from '../../server/rooms/registry.ts';
import { realTimers } from '../../server/rooms/timers.ts';
import { WorkerPool } from '../../server/rooms/workers/worker-pool.ts';
import { entriesDocument, typedDocument } from './documents.ts';

const MB = 1_000_000;
/** What one of its entries takes, encoded. */
const ENTRY_BYTES = 33;
const NAME = parseDocumentName('document');

interface House {
  readonly documents: Documents;
  readonly stats: RoomStats;
  readonly close: () => Promise<void>;
}

async function open(folder: string): Promise<House> {
  const config = defaults();
  const store = new LevelStore({ folder });
  await store.open();
  const workers = new WorkerPool({ threadsMax: 2, queueMax: 100 });
  const stats = new RoomStats();
  const context: RoomContext = {
    store,
    workers,
    bases: new BaseCache(store, config.baseCacheBytesMax, realTimers),
    timers: realTimers,
    nextEpoch: randomUUID,
    limits: {
      ...config,
      presence: { stateBytesMax: config.presenceBytesMax, stateDepthMax: config.presenceDepthMax },
    },
    stats,
    sabotage: {},
    report: () => undefined,
  };
  const registry = new Registry(context);
  return {
    documents: new Documents(registry, context),
    stats,
    close: async () => {
      await registry.close();
      await workers.close();
      await store.close();
    },
  };
}

async function measured<T>(what: string, work: () => Promise<T> | T, rounds = 1): Promise<T> {
  const before = process.cpuUsage();
  const startedMs = performance.now();
  let result!: T;
  for (let round = 0; round < rounds; round++) result = await work();
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1000 / rounds;
  const wallMs = (performance.now() - startedMs) / rounds;
  process.stdout.write(
    `${what.padEnd(44)} ${cpuMs.toFixed(2).padStart(9)} ms CPU ${wallMs.toFixed(2).padStart(9)} ms\n`,
  );
  return result;
}

async function run(what: string, update: Uint8Array): Promise<void> {
  if (NAME === null) return;
  const folder = mkdtempSync(join(tmpdir(), 'syncline-state-'));
  process.stdout.write(`\n${what}: ${(update.length / MB).toFixed(1)} MB\n`);
  try {
    const writing = await open(folder);
    await writing.documents.create(NAME, update);
    while (writing.stats.compactions === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    await writing.close();

    const { documents, close } = await open(folder);
    await measured('version (what a 304 needs), room closed', () => documents.version(NAME));
    await measured('version, room open', () => documents.version(NAME), 1000);
    await measured('state, cold', () => documents.state(NAME, null));
    const whole = await measured('state, warm', () => documents.state(NAME, null), 1000);
    const clocks = Y.decodeStateVector(whole.stateVector);
    const middle = Y.encodeStateVector(
      new Map([...clocks].map(([client, clock]) => [client, clock >> 1])),
    );
    await measured(
      'state since the middle of every client',
      () => documents.state(NAME, middle),
      5,
    );
    const { stateVector } = whole;
    await measured('state since everything', () => documents.state(NAME, stateVector), 1000);
    await documents.write(NAME, letter());
    await measured('state after a write, assembled again', () => documents.state(NAME, null));
    process.stdout.write(`${whole.parts.length} parts, ${whole.bytes} bytes\n`);
    const bytes = Buffer.concat(whole.parts);
    await close();

    const doc = new Y.Doc();
    await measured('Yjs: apply', () => {
      Y.applyUpdate(doc, bytes);
    });
    await measured('Yjs: encode', () => Y.encodeStateAsUpdate(doc));
    await measured('Yjs: diff of the middle', () => Y.diffUpdate(bytes, middle));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function letter(): Uint8Array {
  const doc = new Y.Doc();
  doc.getText('other').insert(0, 'x');
  return Y.encodeStateAsUpdate(doc);
}

const [entriesMb = 15, typedMb = 2] = process.argv.slice(2).map(Number);
await run('many small map entries', entriesDocument(Math.round((entriesMb * MB) / ENTRY_BYTES)));
await run('typed text', typedDocument(typedMb * MB));
