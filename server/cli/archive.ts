/**
 * The portable archive: one JSON object a line. The first line names the format; then one line a document, its
 * canonical Yjs state in base64, with a checksum; tombstones too, so that a restored store does not bring back
 * what was deleted. Read and written line by line, so it may be larger than memory.
 *
 *   {"format":"syncline-archive","version":2}
 *   {"name":"notes","createdAtMs":1700000000000,"update":"AQ…","crc32":123}
 *   {"name":"old","deletedAtMs":1700000000000}
 *   {"record":{"space":"snapshot","document":"notes","id":"…"},"value":"AQ…","crc32":123}
 *
 * Version 1 had no records (snapshots, revocations, dead letters). They come last, behind their documents.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { crc32 } from 'node:zlib';
import { PORTABLE_SPACES, type RecordKey } from '../../persistence/index.ts';

const FORMAT = 'syncline-archive';
const VERSION = 2;

export type ArchiveEntry =
  | { readonly name: string; readonly createdAtMs: number | null; readonly update: Uint8Array }
  | { readonly name: string; readonly deletedAtMs: number }
  | { readonly record: RecordKey; readonly value: Uint8Array };

export const ARCHIVE_HEADER: string = JSON.stringify({ format: FORMAT, version: VERSION });

export function encodeEntry(entry: ArchiveEntry): string {
  if ('deletedAtMs' in entry) return JSON.stringify(entry);
  if ('record' in entry) {
    const { record, value } = entry;
    return JSON.stringify({ record, value: base64(value), crc32: crc32(value) });
  }
  const { name, createdAtMs, update } = entry;
  return JSON.stringify({ name, createdAtMs, update: base64(update), crc32: crc32(update) });
}

function base64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
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
  if (value['record'] !== undefined) return decodeRecord(value, at);
  if (typeof name !== 'string') throw new Error(`${at} has no name`);
  if (typeof deletedAtMs === 'number') return { name, deletedAtMs };
  if (typeof update !== 'string') throw new Error(`${at} has no update`);
  const bytes = Buffer.from(update, 'base64');
  if (crc32(bytes) !== expected) throw new Error(`${at} (${name}): its checksum is wrong`);
  return { name, createdAtMs: typeof createdAtMs === 'number' ? createdAtMs : null, update: bytes };
}

function decodeRecord(line: Record<string, unknown>, at: string): ArchiveEntry {
  const { space, document, id } = (line['record'] ?? {}) as Record<string, unknown>;
  const isOwned = document === null || typeof document === 'string';
  if (typeof id !== 'string' || !isOwned || !isPortable(space)) {
    throw new Error(`${at} is not a record that this version knows`);
  }
  const value = Buffer.from(String(line['value']), 'base64');
  if (crc32(value) !== line['crc32']) throw new Error(`${at}: its checksum is wrong`);
  return { record: { space, document, id }, value };
}

function isPortable(space: unknown): space is RecordKey['space'] {
  return PORTABLE_SPACES.some((known) => known === space);
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
  if (header.version !== 1 && header.version !== VERSION) {
    throw new Error(
      `the archive has version ${String(header.version)}, known are 1 and ${VERSION}`,
    );
  }
}
