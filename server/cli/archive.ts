/**
 * The portable archive: one JSON object a line. The first line names the format; then one line a document, its
 * canonical Yjs state in base64, with a checksum; tombstones too, so that a restored store does not bring back
 * what was deleted. Read and written line by line, so it may be larger than memory.
 *
 *   {"format":"syncline-archive","version":1}
 *   {"name":"notes","createdAtMs":1700000000000,"update":"AQ…","crc32":123}
 *   {"name":"old","deletedAtMs":1700000000000}
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { crc32 } from 'node:zlib';

const FORMAT = 'syncline-archive';
const VERSION = 1;

export type ArchiveEntry =
  | { readonly name: string; readonly createdAtMs: number | null; readonly update: Uint8Array }
  | { readonly name: string; readonly deletedAtMs: number };

export const ARCHIVE_HEADER: string = JSON.stringify({ format: FORMAT, version: VERSION });

export function encodeEntry(entry: ArchiveEntry): string {
  if ('deletedAtMs' in entry) return JSON.stringify(entry);
  const { name, createdAtMs, update } = entry;
  const base64 = Buffer.from(update.buffer, update.byteOffset, update.byteLength).toString(
    'base64',
  );
  return JSON.stringify({ name, createdAtMs, update: base64, crc32: crc32(update) });
}

/** @throws Error that names the line */
function decodeEntry(line: string, number: number): ArchiveEntry {
  const at = `line ${number}`;
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(line) as Record<string, unknown>;
  } catch {
    throw new Error(`${at} is not JSON: the archive is cut off or damaged`);
  }
  const { name, createdAtMs, deletedAtMs, update, crc32: expected } = value;
  if (typeof name !== 'string') throw new Error(`${at} has no name`);
  if (typeof deletedAtMs === 'number') return { name, deletedAtMs };
  if (typeof update !== 'string') throw new Error(`${at} has no update`);
  const bytes = Buffer.from(update, 'base64');
  if (crc32(bytes) !== expected) throw new Error(`${at} (${name}): its checksum is wrong`);
  return { name, createdAtMs: typeof createdAtMs === 'number' ? createdAtMs : null, update: bytes };
}

/** @throws Error if it is no archive, of a newer version, or damaged */
export async function* readArchive(path: string): AsyncIterable<ArchiveEntry> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  let number = 0;
  for await (const line of lines) {
    number++;
    if (number === 1) checkHeader(line);
    else if (line !== '') yield decodeEntry(line, number);
  }
  if (number === 0) throw new Error('the archive is empty');
}

function checkHeader(line: string): void {
  let header: { format?: unknown; version?: unknown };
  try {
    header = JSON.parse(line) as typeof header;
  } catch {
    throw new Error('it is not a Syncline archive: its first line is not JSON');
  }
  if (header.format !== FORMAT) throw new Error('it is not a Syncline archive');
  if (header.version !== VERSION) {
    throw new Error(`the archive has version ${String(header.version)}, known is ${VERSION}`);
  }
}
