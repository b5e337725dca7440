/**
 * Hocuspocus' SQLite database (@hocuspocus/extension-sqlite): one table, `documents (name, data)`, `data` a Yjs V1 update of
 * the whole document. Read with sql.js, which is SQLite compiled to WebAssembly and needs nothing built; it holds the
 * whole file in memory, and sees the file alone: what is still in a write-ahead log would be missing, so that is refused.
 */
import { readFile, stat } from 'node:fs/promises';
import initSqlJs, { type Database } from 'sql.js';
import { messageOf } from '../command.ts';
import { updateProblem } from './updates.ts';
import type { Source } from './source.ts';

const FILE_BYTES_MAX: number = 1024 * 1024 * 1024;

export async function sqliteSource(path: string, bytes: number): Promise<Source> {
  const log = await stat(`${path}-wal`).catch(() => null);
  if (log !== null && log.size > 0) {
    throw new Error(
      `${path}-wal holds changes that are not in the database yet: stop the server and run "sqlite3 ${path} 'PRAGMA wal_checkpoint(TRUNCATE)'"`,
    );
  }
  if (bytes > FILE_BYTES_MAX) {
    throw new Error(`${path} has ${bytes} bytes, more than the ${FILE_BYTES_MAX} that fit`);
  }
  const { Database: Sqlite } = await initSqlJs();
  const database = new Sqlite(await readFile(path));
  return {
    kind: 'a Hocuspocus database',
    // oxlint-disable-next-line typescript/require-await -- the others wait
    async *entries() {
      yield* rowsOf(database, path);
    },
    close: () => {
      database.close();
      return Promise.resolve();
    },
  };
}

function* rowsOf(
  database: Database,
  path: string,
): Generator<
  | { readonly name: string; readonly createdAtMs: null; readonly update: Uint8Array }
  | { readonly name: string; readonly problem: string }
> {
  let statement;
  try {
    statement = database.prepare('SELECT name, data FROM documents ORDER BY name');
  } catch (error) {
    throw new Error(`${path} has no table documents (name, data): ${messageOf(error)}`, {
      cause: error,
    });
  }
  try {
    while (statement.step()) {
      const [name, data] = statement.get();
      if (typeof name !== 'string') yield { name: path, problem: 'a row without a name' };
      else if (!(data instanceof Uint8Array)) yield { name, problem: 'its data is not a blob' };
      else {
        const problem = updateProblem(data);
        yield problem === null ? { name, createdAtMs: null, update: data } : { name, problem };
      }
    }
  } finally {
    statement.free();
  }
}
