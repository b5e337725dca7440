/** `syncline export`: a portable archive of every document that can be read. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { OfflineFolder } from '../../persistence/index.ts';
import { ARCHIVE_HEADER, encodeEntry, type ArchiveEntry } from './archive.ts';
import { count, EXIT, formatName, messageOf, type Output } from './command.ts';
import { replay } from './replay.ts';

/** @param file where to; null for stdout */
export async function exportArchive(
  folder: string,
  file: string | null,
  stdout: Writable,
  { note }: Output,
): Promise<number> {
  const offline = await OfflineFolder.open(folder);
  const partial = `${file}.partial`;
  const target = file === null ? stdout : createWriteStream(partial);
  let written = 0;
  let records = 0;
  let left = 0;
  try {
    await writeLine(target, ARCHIVE_HEADER);
    for await (const name of offline.names()) {
      try {
        await writeLine(target, encodeEntry(await entryOf(offline, name)));
        written++;
        if (written % 1_000 === 0) note(`${written} documents exported …`);
      } catch (error) {
        left++;
        note(`${formatName(name)} was left out: ${messageOf(error)}`);
      }
    }
    for (const key of await offline.portableRecords()) {
      try {
        await writeLine(target, encodeEntry({ record: key, value: await offline.record(key) }));
        records++;
      } catch (error) {
        left++;
        note(`left out: ${messageOf(error)}`);
      }
    }
    for (const finding of offline.findings) note(finding);
  } finally {
    await offline.close();
  }
  if (file !== null) {
    target.end();
    await finished(target);
    await publish(partial, file);
  }
  const also = records === 0 ? '' : ` and ${count(records, 'record')}`;
  note(`${count(written, 'document')}${also} exported, ${left} left out`);
  return left + offline.findings.length === 0 ? EXIT.ok : EXIT.failed;
}

/** Under its name only when it is complete and on disk: a cut-off backup is worse than none. */
async function publish(partial: string, file: string): Promise<void> {
  const handle = await open(partial, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(partial, file);
}

/** @throws Error when it cannot be read */
export async function entryOf(offline: OfflineFolder, name: string): Promise<ArchiveEntry> {
  const { problem, createdAtMs, deletedAtMs } = await offline.document(name);
  if (deletedAtMs !== null) return { name, deletedAtMs };
  if (problem !== null) throw new Error(problem);
  const result = replay(await offline.updates(name));
  if (!result.isSound) throw new Error(result.problem);
  return { name, createdAtMs, update: result.state };
}

async function writeLine(target: Writable, line: string): Promise<void> {
  if (!target.write(`${line}\n`)) await once(target, 'drain');
}
