/** `syncline inspect`: what is in a data folder. Shows names and numbers, never what documents say. */
import {
  OfflineFolder,
  type OfflineDocument,
  type OfflineRecords,
} from '../../persistence/index.ts';
import { count, EXIT, formatBytes, formatDate, formatName, type Output } from './command.ts';

export async function inspect(
  folder: string,
  options: { readonly json?: boolean },
  { out, note }: Output,
): Promise<number> {
  const offline = await OfflineFolder.open(folder);
  try {
    const documents: OfflineDocument[] = [];
    for await (const name of offline.names()) documents.push(await offline.document(name));
    const records = await offline.records();
    const { findings } = offline;
    const damaged = documents.filter((document) => document.problem !== null);
    if (options.json === true)
      out(JSON.stringify({ folder, findings, documents, records }, null, 2));
    else for (const line of describe(folder, documents, records, findings)) out(line);
    const damagedRecords = records.damaged.length;
    if (findings.length + damaged.length + damagedRecords === 0) return EXIT.ok;
    note(
      `${count(damaged.length, 'damaged document')}, ${count(damagedRecords, 'damaged record')}, ${count(findings.length, 'finding')} about the folder`,
    );
    return EXIT.failed;
  } finally {
    await offline.close();
  }
}

function* describe(
  folder: string,
  documents: readonly OfflineDocument[],
  records: OfflineRecords,
  findings: readonly string[],
): Iterable<string> {
  const live = documents.filter((document) => document.deletedAtMs === null);
  const bytes = live.reduce((sum, document) => sum + document.baseBytes + document.tailBytes, 0);
  yield `folder     ${folder}`;
  yield `documents  ${live.length} (and ${count(documents.length - live.length, 'tombstone')})`;
  yield `bytes      ${formatBytes(bytes)}`;
  for (const { space, count: number, bytes: size } of records.spaces) {
    yield `records    ${space}: ${number} (${formatBytes(size)})`;
  }
  const { changes } = records;
  if (changes.count > 0) yield `changes    ${changes.count} (${formatBytes(changes.bytes)})`;
  for (const what of records.damaged) yield `DAMAGED    ${what}`;
  for (const finding of findings) yield `FINDING    ${finding}`;
  for (const document of documents) yield* describeDocument(document);
}

function* describeDocument(document: OfflineDocument): Iterable<string> {
  yield '';
  yield formatName(document.name);
  if (document.deletedAtMs !== null) {
    yield `  deleted     ${formatDate(document.deletedAtMs)}`;
    return;
  }
  yield `  created     ${formatDate(document.createdAtMs)}`;
  if (document.problem !== null) yield `  DAMAGED     ${document.problem}`;
  else {
    yield `  base        ${formatBytes(document.baseBytes)} in ${count(document.chunkCount, 'chunk')}`;
    yield `  tail        ${formatBytes(document.tailBytes)} in ${count(document.tailCount, 'update')}`;
    yield `  last seq    ${document.lastSeq}`;
  }
  for (const { seq, reason, bytes } of document.quarantined) {
    yield `  QUARANTINE  update ${seq} (${formatBytes(bytes)}): ${reason}`;
  }
}
