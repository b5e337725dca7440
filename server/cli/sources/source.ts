/** What `syncline import` reads from: told apart by what lies there, never by a name or a flag. */
import { open, readdir, stat } from 'node:fs/promises';
import { archiveSource } from './archive-source.ts';
import { folderSource } from './folder-source.ts';
import { levelSource } from './level-source.ts';
import { sqliteSource } from './sqlite-source.ts';
import type { ArchiveEntry } from '../archive.ts';

export interface Source {
  /** In words: "a Hocuspocus database". */
  readonly kind: string;
  /**
   * Everything in it, each document as one update. Read more than once; nothing in the source is changed. What cannot be
   * read comes as an `Unreadable`.
   */
  entries(): AsyncIterable<ArchiveEntry | Unreadable>;
  close(): Promise<void>;
}

export interface Unreadable {
  /** Of the document, or the file. */
  readonly name: string;
  readonly problem: string;
}

const SQLITE_MAGIC = 'SQLite format 3\0';

/** @throws Error when it is nothing that is known */
export async function openSource(path: string): Promise<Source> {
  const stats = await stat(path).catch(() => null);
  if (stats === null) throw new Error(`${path} is not there`);
  if (stats.isDirectory()) {
    // LevelDB's own pointer to what it holds.
    const names = await readdir(path);
    return names.includes('CURRENT') ? await levelSource(path) : folderSource(path);
  }
  const head = await headOf(path);
  if (head === SQLITE_MAGIC) return await sqliteSource(path, stats.size);
  if (head.startsWith('{')) return archiveSource(path);
  throw new Error(
    `${path} is neither an archive of "syncline export", nor a Hocuspocus database (SQLite), nor a folder`,
  );
}

async function headOf(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(SQLITE_MAGIC.length), 0);
    return buffer.subarray(0, bytesRead).toString('latin1');
  } finally {
    await file.close();
  }
}
