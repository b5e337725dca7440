/** `syncline inspect`: what is in a data folder. Shows names and numbers, never what documents say. */
import { OfflineFolder, type OfflineDocument } from '../../persistence/index.ts';
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
    const { findings } = offline;
    const damaged = documents.filter((document) => document.problem !== null);
    if (options.json === true) out(JSON.stringify({ folder, findings, documents }, null, 2));
    else for (const line of describe(folder, documents, findings)) out(line);
    if (findings.length === 0 && damaged.length === 0) return EXIT.ok;
    note(
      `${count(damaged.length, 'damaged document')}, ${count(findings.length, 'finding')} about the folder`,
    );
    return EXIT.failed;
  } finally {
    await offline.close();
  }
}

function* describe(
  folder: string,
  documents: readonly OfflineDocument[],
  findings: readonly string[],
): Iterable<string> {
  const live = documents.filter((document) => document.deletedAtMs === null);
  const bytes = live.reduce((sum, document) => sum + document.baseBytes + document.tailBytes, 0);
  yield `folder     ${folder}`;
  yield `documents  ${live.length} (and ${count(documents.length - live.length, 'tombstone')})`;
  yield `bytes      ${formatBytes(bytes)}`;
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
