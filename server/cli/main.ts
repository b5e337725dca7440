#!/usr/bin/env node
/**
 * `syncline`: tools for a data folder that no node has open. Results go to stdout, progress to stderr.
 * Exit codes: 0 fine, 1 something was found or failed, 2 wrong usage, 78 the folder is refused or in use.
 */
import { Command } from 'commander';
import { EXIT, exitCodeOf, messageOf, type Output } from './command.ts';
import { exportArchive } from './export.ts';
import { importArchive, type ImportOptions } from './import.ts';
import { inspect } from './inspect.ts';
import { repair } from './repair.ts';
import { verify } from './verify.ts';

const output: Output = {
  out: (line) => process.stdout.write(`${line}\n`),
  note: (line) => process.stderr.write(`${line}\n`),
};

async function run(work: Promise<number>): Promise<void> {
  try {
    process.exitCode = await work;
  } catch (error) {
    output.note(`syncline: ${messageOf(error)}`);
    process.exitCode = exitCodeOf(error);
  }
}

const program = new Command('syncline')
  .description(
    'Look at, check, mend, back up and restore a Syncline data folder. Stop the node first.',
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage))
  .showHelpAfterError('(add --help for more)')
  .addHelpText(
    'after',
    '\nExit codes: 0 fine, 1 something was found or failed, 2 wrong usage, 78 the folder is refused or in use.\n' +
      'A folder that a node would refuse is looked at in a copy; only "repair" changes it.',
  );

const FOLDER = 'the data folder (DATA_DIR of the node)';

program
  .command('inspect')
  .argument('<folder>', FOLDER)
  .option('--json', 'as JSON')
  .description(
    'list documents with sizes, quarantined updates and everything that is wrong; no contents',
  )
  .action((folder: string, options: { json?: boolean }) => run(inspect(folder, options, output)));

program
  .command('verify')
  .argument('<folder>', FOLDER)
  .description('read everything: checksums, sequences, and whether Yjs can replay every document')
  .action((folder: string) => run(verify(folder, output)));

program
  .command('repair')
  .argument('<folder>', FOLDER)
  .description('copy the folder, then make it one that a node opens; says exactly what is lost')
  .action((folder: string) => run(repair(folder, output)));

program
  .command('export')
  .argument('<folder>', FOLDER)
  .argument('[file]', 'where to; stdout if left out')
  .description(
    'write a portable archive of every document that can be read (one JSON object a line)',
  )
  .action((folder: string, file: string | undefined) =>
    run(exportArchive(folder, file ?? null, process.stdout, output)),
  );

program
  .command('import')
  .argument('<file>', 'an archive from "syncline export"')
  .argument('<folder>', `${FOLDER}; created if it does not exist`)
  .option('--merge', 'merge into documents that exist, instead of refusing')
  .description(
    'bring an archive into a data folder; the whole archive is checked before anything is written',
  )
  .action((file: string, folder: string, options: ImportOptions) =>
    run(importArchive(file, folder, options, output)),
  );

await program.parseAsync();
