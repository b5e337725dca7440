/**
 * A process that writes to a LevelDB store as fast as it is acknowledged, and reports every acknowledgement on
 * stdout, one JSON line each: to be killed at any moment. What it writes is a function of document and seq, so
 * that whoever reads the folder later knows what must be there.
 */
import { readdirSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { LevelStore, type LevelStoreOptions } from '../../persistence/index.ts';

export interface WriterOptions extends LevelStoreOptions {
  readonly documents: number;
  readonly payloadBytes: number;
  /** Updates under way at the same time. */
  readonly window: number;
}

/** `size`: of the newest log, right after the commit. */
export interface Ack {
  readonly type: 'ack';
  readonly name: string;
  readonly seq: number;
  readonly commit: number;
  readonly log: string;
  readonly size: number;
}

export type Report =
  | Ack
  | { readonly type: 'ready' | 'closed' }
  | { readonly type: 'status'; readonly status: string; readonly message: string }
  | { readonly type: 'recovered'; readonly rewrittenRecords: number }
  | { readonly type: 'read'; readonly updates: number; readonly error: string | null };

export function documentName(index: number): string {
  return `doc-${index}`;
}

export function payload(name: string, seq: number, length: number): Uint8Array {
  const start = `${name}:${seq}:`;
  return Buffer.from(start + '.'.repeat(Math.max(0, length - start.length)));
}

function report(line: Report): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

function newestLog(folder: string): { log: string; size: number } {
  const log = readdirSync(folder)
    .filter((name) => /^\d+\.log$/.test(name))
    .toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .at(-1);
  return log === undefined ? { log: '', size: 0 } : { log, size: statSync(join(folder, log)).size };
}

async function write(options: WriterOptions): Promise<void> {
  let commit = 1; // an open is a commit of its own
  let position = { log: '', size: 0 };
  const store = new LevelStore({
    ...options,
    observer: {
      onStatus: (status, error) => {
        report({ type: 'status', status, message: error?.message ?? '' });
      },
      onRecovered: ({ rewrittenRecords }) => {
        report({ type: 'recovered', rewrittenRecords });
      },
      onCommit: () => {
        commit++;
        position = newestLog(options.folder);
      },
    },
  });
  await store.open();
  const names = Array.from({ length: options.documents }, (_, index) => documentName(index));
  const next = new Map<string, number>();
  for (const name of names) next.set(name, (await store.load(name)).lastSeq + 1);
  report({ type: 'ready' });
  const stopping = new AbortController();
  createInterface({ input: process.stdin }).on('line', (command) => {
    if (command === 'read') {
      store.load(documentName(0)).then(
        (document) => report({ type: 'read', updates: document.tail.length, error: null }),
        (error: Error) => report({ type: 'read', updates: 0, error: error.message }),
      );
    } else if (command === 'stop') {
      stopping.abort();
    }
  });
  await Promise.all(
    Array.from({ length: options.window }, async (_, lane) => {
      for (let turn = lane; !stopping.signal.aborted; turn++) {
        const name = names[turn % names.length] ?? '';
        const seq = next.get(name) ?? 0;
        next.set(name, seq + 1);
        const append = store.append(name, payload(name, seq, options.payloadBytes));
        if (append.seq !== seq) throw new Error(`${name}: number ${append.seq} instead of ${seq}`);
        await append.durable;
        report({ type: 'ack', name, seq, commit, ...position });
      }
    }),
  );
  await store.close();
  report({ type: 'closed' });
  process.exit(0);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await write(JSON.parse(process.argv[2] ?? '{}') as WriterOptions);
}
