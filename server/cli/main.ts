#!/usr/bin/env node
/**
 * `syncline`: tools for a data folder that no node has open, and tokens for trying out. Results go to stdout, progress to stderr.
 * Exit codes: 0 fine, 1 something was found or failed, 2 wrong usage, 78 the folder is refused or in use.
 */
import { Command } from 'commander';
import { EXIT, exitCodeOf, messageOf, type Output } from './command.ts';
import { exportArchive } from './export.ts';
import { importFrom, type ImportOptions } from './import.ts';
import { inspect } from './inspect.ts';
import { repair } from './repair.ts';
import { token, UsageError, type TokenOptions } from './token.ts';
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
    process.exitCode = error instanceof UsageError ? EXIT.usage : exitCodeOf(error);
  }
}

const program = new Command('syncline')
  .description(
    'Look at, check, mend, back up and restore a Syncline data folder (stop the node first); mint tokens.',
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
  .argument(
    '<source>',
    'an archive from "syncline export", a y-leveldb folder, a Hocuspocus SQLite file, or a folder of .ysweet or update files',
  )
  .argument('<folder>', `${FOLDER}; created if it does not exist`)
  .option('--merge', 'merge into documents that exist, instead of refusing')
  .option('--skip', 'leave out what cannot be read, instead of refusing')
  .description(
    'bring documents into a data folder; the whole source is checked before anything is written, and nothing is overwritten',
  )
  .action((source: string, folder: string, options: ImportOptions) =>
    run(importFrom(source, folder, options, output)),
  );

program
  .command('token')
  .requiredOption('--doc <pattern...>', 'documents: a name, or a pattern like "team-a/*"')
  .option('--access <level>', 'read, write or admin', 'write')
  .requiredOption('--user <name>', 'whose token it is')
  .option('--expires <time>', 'how long it is good for: 30s, 15min, 1h, 7d', '1h')
  .option('--once', 'a ticket: good for one use within 30 s; what it opens lasts for --expires')
  .option('--private-key <file>', 'PEM; instead of JWT_SECRET from the environment')
  .option('--kid <id>', 'key id in the header, for nodes with JWKS_URL')
  .description(
    'mint a token for trying out, from JWT_SECRET (or JWT_PRIVATE_KEY), JWT_ISSUER and JWT_AUDIENCE in the environment',
  )
  .action((options: TokenOptions) =>
    run(Promise.resolve().then(() => token(options, process.env, Date.now(), output))),
  );

await program.parseAsync();
