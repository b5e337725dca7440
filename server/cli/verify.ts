/** `syncline verify`: reads everything: checksums, sequences, and whether Yjs makes a document of it. */
import { OfflineFolder } from '../../persistence/index.ts';
import { count, EXIT, formatName, messageOf, type Output } from './command.ts';
import { replay } from './replay.ts';

export async function verify(folder: string, { out, note }: Output): Promise<number> {
  const offline = await OfflineFolder.open(folder);
  let checked = 0;
  let damaged = 0;
  try {
    for await (const name of offline.names()) {
      const { problem, deletedAtMs } = await offline.document(name);
      if (deletedAtMs !== null) continue;
      const finding = problem ?? (await replayProblem(offline, name));
      checked++;
      if (finding !== null) {
        damaged++;
        out(`${formatName(name)}: ${finding}`);
      }
      if (checked % 1_000 === 0) note(`${checked} documents checked …`);
    }
    const { spaces, changes, damaged: damagedRecords } = await offline.records();
    for (const what of damagedRecords) out(`${what} is damaged`);
    for (const finding of offline.findings) out(finding);
    const records = spaces.reduce((sum, space) => sum + space.count, changes.count);
    out(`${count(checked, 'document')} checked, ${damaged} damaged`);
    if (records > 0) out(`${count(records, 'record')} checked, ${damagedRecords.length} damaged`);
    return damaged + damagedRecords.length + offline.findings.length === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    await offline.close();
  }
}

async function replayProblem(offline: OfflineFolder, name: string): Promise<string | null> {
  try {
    const result = replay(await offline.updates(name));
    return result.isSound ? null : result.problem;
  } catch (error) {
    return messageOf(error);
  }
}
