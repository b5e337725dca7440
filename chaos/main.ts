/**
 * `npm run chaos`: breaks a cluster on purpose and says whether its promises hold. Exit codes: 0 all that ran passed, 1 a
 * verdict failed, 2 wrong usage, or a run that says nothing because a fault left no proof.
 */
import { Command, InvalidArgumentError } from 'commander';
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { performAttached } from './engine/attach.ts';
import type { RunOptions } from './engine/options.ts';
import { exitCodeOf, type Outcome } from './engine/outcome.ts';
import { perform } from './engine/perform.ts';
import { listing, summary } from './engine/tables.ts';
import { MissingProgram } from './programs.ts';
import { resultsMarkdown } from './report/results.ts';
import { ABSENT, findScenario, SCENARIOS } from './scenarios/catalogue.ts';
import type { Scenario } from './scenarios/scenario.ts';

const MUTANTS_MAIN = fileURLToPath(new URL('../test/mutants/chaos-main.js', import.meta.url));
const USAGE = 2;
const ATTACH_SECONDS = 60;

interface Flags {
  readonly seconds?: number;
  readonly seed?: number;
  readonly regions: number;
  readonly nodes: number;
  readonly editors: number;
  readonly documents: number;
  readonly server?: string;
  readonly out?: string;
  readonly control?: true;
  readonly converge: number;
  readonly patience: number;
  readonly cycles: number;
  readonly level: 'local' | 'replicated';
  readonly live?: true;
  readonly attach?: readonly string[];
  readonly token?: string;
}

function numberFrom(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isFinite(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`A number from ${min} to ${max}.`);
  };
}

function wholeFrom(min: number, max: number): (text: string) => number {
  const parse = numberFrom(min, max);
  return (text) => {
    const value = parse(text);
    if (Number.isInteger(value)) return value;
    throw new InvalidArgumentError('A whole number.');
  };
}

function urlsOf(text: string): string[] {
  return text.split(',').map((url) => {
    if (!URL.canParse(url) || !url.startsWith('http')) {
      throw new InvalidArgumentError(`Not a URL of a node: ${url}`);
    }
    return url.replace(/\/$/, '');
  });
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** @throws InvalidArgumentError that names what there is */
function chosen(names: readonly string[]): Scenario[] {
  if (names.includes('all')) return [...SCENARIOS];
  return names.map((name) => {
    const scenario = findScenario(name);
    if (scenario !== null) return scenario;
    const absent = ABSENT.find(({ id }) => id.toLowerCase() === name.toLowerCase());
    throw new InvalidArgumentError(
      absent === undefined
        ? `No scenario ${name}: \`npm run chaos -- list\` has them all.`
        : `There is no ${absent.id}: ${absent.reason}.`,
    );
  });
}

function optionsOf(
  flags: Flags,
  scenario: Pick<Scenario, 'id' | 'seconds'>,
  count: number,
): RunOptions {
  const seed = flags.seed ?? Math.floor(Math.random() * 1_000_000);
  if (flags.server !== undefined && !existsSync(flags.server)) {
    throw new InvalidArgumentError(`No file ${flags.server}.`);
  }
  const outDir = flags.out === undefined ? null : resolve(flags.out);
  return {
    seconds: flags.seconds ?? scenario.seconds,
    seed,
    regions: flags.regions,
    nodes: flags.nodes,
    editors: flags.editors,
    documents: flags.documents,
    level: flags.level,
    serverMain: flags.server === undefined ? null : resolve(flags.server),
    outDir: outDir === null || count === 1 ? outDir : join(outDir, scenario.id),
    isControl: flags.control === true,
    convergeMsMax: flags.converge * 1_000 * flags.patience,
    patience: flags.patience,
    cycles: flags.cycles,
    isLive: flags.live === true,
    command: `npm run chaos -- run ${scenario.id} --seed ${seed} --seconds ${flags.seconds ?? scenario.seconds}`,
    say,
  };
}

async function attach(urls: readonly string[], flags: Flags): Promise<number> {
  const seed = flags.seed ?? Math.floor(Math.random() * 1_000_000);
  const seconds = flags.seconds ?? ATTACH_SECONDS;
  const outcome = await performAttached({
    ...optionsOf({ ...flags, seed, seconds }, { id: 'attach', seconds }, 1),
    command: `npm run chaos -- run --attach ${urls.join(',')} --seed ${seed} --seconds ${seconds}`,
    urls,
    token: flags.token ?? null,
  });
  process.stdout.write(summary([outcome], true));
  return exitCodeOf([outcome]);
}

async function run(names: readonly string[], flags: Flags): Promise<number> {
  if (flags.attach !== undefined) return await attach(flags.attach, flags);
  if (names.length === 0) throw new InvalidArgumentError('Which scenario? `list` has them all.');
  const scenarios = chosen(names);
  const outcomes: Outcome[] = [];
  for (const scenario of scenarios) {
    const options = optionsOf(flags, scenario, scenarios.length);
    say(`\n${scenario.id}: ${scenario.title} (seed ${options.seed})`);
    const outcome = await perform(scenario, options);
    outcomes.push(outcome);
    process.stdout.write(summary([outcome], true));
  }
  if (outcomes.length > 1) process.stdout.write(summary(outcomes, false));
  if (outcomes.length > 1 && flags.out !== undefined) writeResults(outcomes, names, flags.out);
  return exitCodeOf(outcomes);
}

function writeResults(outcomes: readonly Outcome[], names: readonly string[], out: string): void {
  const records = outcomes.flatMap(({ record }) => (record === null ? [] : [record]));
  const notRun = outcomes.filter(({ record }) => record === null);
  const path = join(resolve(out), 'RESULTS.md');
  writeFileSync(path, resultsMarkdown(`npm run chaos -- run ${names.join(' ')}`, records, notRun));
  say(`a table of all of them: ${path}`);
}

/** Not by itself: a socket that was reset on purpose may hold the process. */
async function end(code: number): Promise<never> {
  await new Promise((written) => process.stdout.write('', written));
  process.exit(code);
}

function program(): Command {
  const command = new Command('chaos')
    .description('Breaks a cluster on purpose, and says whether its promises hold.')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : USAGE));
  command
    .command('list')
    .description('all scenarios, and the rows of the matrix that have none')
    .action(() => {
      process.stdout.write(listing(SCENARIOS, ABSENT));
    });
  command
    .command('mutants')
    .description(
      'builds that are broken on purpose: a scenario must fail on each, and pass without',
    )
    .option('--only <name>', 'of this mutant')
    .action(async (flags: { readonly only?: string }) => {
      const args = flags.only === undefined ? [] : [flags.only];
      // In a process of its own: what breaks builds belongs to the tests, which nothing here imports.
      const child = spawn(process.execPath, [MUTANTS_MAIN, ...args], { stdio: 'inherit' });
      child.on('exit', (code) => void end(code ?? USAGE));
      await new Promise(() => undefined);
    });
  command
    .command('run')
    .description('run scenarios, one after another')
    .argument('[scenario...]', 'their ids, or all; none with --attach')
    .option(
      '--seconds <n>',
      'of load under faults (default: the scenario’s own)',
      numberFrom(1, 86_400),
    )
    .option(
      '--seed <n>',
      'what is left to chance (default: another one every time)',
      wholeFrom(0, 2 ** 32 - 1),
    )
    .option('--regions <n>', 'regions, a Redis each', wholeFrom(1, 5), 2)
    .option('--nodes <n>', 'nodes in each region', wholeFrom(1, 8), 2)
    .option('--editors <n>', 'editors that write', wholeFrom(1, 200), 8)
    .option('--documents <n>', 'documents they write', wholeFrom(1, 50), 3)
    .option('--level <level>', 'what an ack promises: local or replicated', 'local')
    .option('--converge <seconds>', 'how long healing may take', numberFrom(1, 600), 5)
    .option(
      '--cycles <n>',
      'for durability: kills, and logs that are cut',
      wholeFrom(1, 100_000),
      100,
    )
    .option(
      '--patience <factor>',
      'times every limit on time: for machines that are busy with others',
      numberFrom(1, 100),
      1,
    )
    .option('--server <file>', 'server/main.js of another build')
    .option('--out <dir>', 'keep history, record and report there')
    .option('--control', 'break nothing: must pass the same checks')
    .option(
      '--attach <urls>',
      'edit and check this cluster, which you break yourself: node URLs, with commas',
      urlsOf,
    )
    .option('--token <token>', 'with --attach: to write, where there is access control')
    .option('--live', 'serve a page that shows it, with links to cut and heal')
    .action(async (names: string[], flags: Flags) => {
      await end(await run(names, flags));
    });
  return command;
}

try {
  await program().parseAsync(process.argv);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof MissingProgram ? 69 : USAGE;
}
