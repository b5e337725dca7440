/** `syncline repair`: makes a refused folder one that a node opens, and says exactly what is lost. */
import { repairFolder } from '../../persistence/index.ts';
import { count, EXIT, formatName, type Output } from './command.ts';
import { chooseUpdates } from './replay.ts';

export async function repair(folder: string, { out }: Output): Promise<number> {
  const suffix = `before-repair-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  const report = await repairFolder(folder, suffix, chooseUpdates);
  if (report.copy === null) {
    out(`nothing to repair: ${count(report.documentCount, 'document')}, all sound`);
    return EXIT.ok;
  }
  out(`the folder as it was is in ${report.copy}`);
  for (const finding of report.findings) out(`folder: ${finding}`);
  for (const { name, lost } of report.documents) {
    for (const line of lost) out(`${formatName(name)}: ${line}`);
  }
  for (const what of report.droppedRecords) out(`${what} was unreadable and is gone`);
  out(
    `${count(report.documentCount, 'document')}, of which ${report.documents.length} written anew from what was readable`,
  );
  return EXIT.ok;
}
