/**
 * A folder of files: a Y-Sweet store (`DOC/data.ysweet`, or `DOC.ysweet`), or updates, one whole document a file, named by
 * its path without `.bin`, `.yjs`, `.update` or `.ydoc`. A file that is neither is named, and nothing is written.
 *
 * A .ysweet file is a sorted map, as Rust's bincode writes one (u64 little-endian counts and lengths), with the keys of
 * yrs-kvstore (keys.rs): `00 01 oid(4)` and `00` for the document, `02 clock(4) 00` for an update since; values are V1.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { replay } from '../replay.ts';
import { updateProblem } from './updates.ts';
import type { Source, Unreadable } from './source.ts';

const Y_SWEET = '.ysweet';
const EXTENSIONS = /\.(?:bin|yjs|update|ydoc)$/;
const KEYSPACE_DOC = 1;
const SUB = { document: 0, update: 2 } as const;
/** `00 01`, the id, and what it is. */
const SUB_AT = 6;

export function folderSource(path: string): Source {
  return {
    kind: 'a folder of files',
    async *entries() {
      for await (const file of filesOf(path)) {
        const name = nameOf(relative(path, file));
        const bytes = await readFile(file);
        const updates = file.endsWith(Y_SWEET) ? readYSweet(bytes) : [bytes];
        yield entryOf(name, updates);
      }
    },
    close: () => Promise.resolve(),
  };
}

function entryOf(
  name: string,
  updates: readonly Uint8Array[] | null,
): { name: string; createdAtMs: null; update: Uint8Array } | Unreadable {
  if (updates === null) return { name, problem: 'not a .ysweet file that this version knows' };
  for (const update of updates) {
    const problem = updateProblem(update);
    if (problem !== null) return { name, problem };
  }
  const result = replay(updates);
  return result.isSound
    ? { name, createdAtMs: null, update: result.state }
    : { name, problem: result.problem };
}

async function* filesOf(folder: string): AsyncIterable<string> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    // What a desktop leaves behind (.DS_Store) is no document.
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesOf(path);
    else if (entry.isFile()) yield path;
  }
}

function nameOf(path: string): string {
  const name = path.split(sep).join('/');
  if (name.endsWith(`/data${Y_SWEET}`)) return name.slice(0, -`/data${Y_SWEET}`.length);
  return name.endsWith(Y_SWEET) ? name.slice(0, -Y_SWEET.length) : name.replace(EXTENSIONS, '');
}

/** Null: it is none. */
function readYSweet(bytes: Buffer): readonly Uint8Array[] | null {
  const updates: Uint8Array[] = [];
  let at = 0;
  const length = (): number => {
    if (at + 8 > bytes.byteLength) throw new RangeError('cut short');
    const value = bytes.readBigUInt64LE(at);
    at += 8;
    if (value > BigInt(bytes.byteLength)) throw new RangeError('cut short');
    return Number(value);
  };
  const take = (): Uint8Array => {
    const end = length() + at;
    if (end > bytes.byteLength) throw new RangeError('cut short');
    const taken = bytes.subarray(at, end);
    at = end;
    return taken;
  };
  try {
    for (let left = length(); left > 0; left -= 1) {
      const key = take();
      const value = take();
      const isContent = key[SUB_AT] === SUB.document || key[SUB_AT] === SUB.update;
      if (key[0] === 0 && key[1] === KEYSPACE_DOC && isContent) updates.push(value);
    }
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
  return at === bytes.byteLength ? updates : null;
}
