/** The command line: `npm run simulate -- --seeds N [--from S]`, or `--seed S [--trace] [--history FILE]`. */
import { isSeeded } from '../support/seeded-crypto.ts';
import { writeFileSync } from 'node:fs';
import { type Bar, Presets, SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError } from 'commander';
import type { HistoryEvent } from '../../chaos/history/events.ts';
import { runCampaign, seedsFrom } from './campaign.ts';
import { runSeed } from './run.ts';
import { line, traceLine } from './trace.ts';

interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly seed?: number;
  readonly trace: boolean;
  readonly history?: string;
  readonly processes: number;
  readonly failures: number;
}

const EXIT = { good: 0, failed: 1, usage: 2 } as const;

const program = new Command('simulate')
  .description(
    'Whole nodes, editors, disks and the network between them in one process, on virtual time: each seed is a ' +
      'schedule of edits and faults, checked by the same checker as the chaos suite.',
  )
  .option('--seeds <count>', 'run so many seeds', whole, 1_000)
  .option('--from <seed>', 'the first of them', whole, 1)
  .option('--seed <seed>', 'run this one only', whole)
  .option('--trace', 'with --seed: say what happens, line by line', false)
  .option('--history <file>', 'with --seed: write its history, one JSON object a line')
  .option('--processes <count>', 'at the same time', whole, 2)
  .option('--failures <count>', 'stop after so many failed seeds', whole, 20)
  .addHelpText(
    'after',
    '\nExit codes: 0 all seeds are good, 1 some failed (each is printed with what was wrong), 2 wrong usage.\n' +
      'A seed means the same on every machine, for one version of the code and of this simulation.',
  )
  .showHelpAfterError('(add --help for more)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.good : EXIT.usage))
  .parse();

if (!isSeeded) throw new Error('chance would come in');
const options = program.opts<Options>();
process.exitCode =
  options.seed === undefined ? await many(options) : await one(options.seed, options);

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('a whole number.');
  return value;
}

async function one(seed: number, { trace, history }: Options): Promise<number> {
  const events: HistoryEvent[] = [];
  const outcome = await runSeed(seed, {
    sink: (event) => {
      events.push(event);
      const text = trace ? traceLine(event) : null;
      if (text !== null) print(text);
    },
    log: (text, atMs) => {
      if (trace) print(line(atMs, '·', text));
    },
  });
  if (history !== undefined) {
    writeFileSync(history, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  }
  for (const { id, name, status, violations, reason } of outcome.verdicts) {
    if (trace) print(`${id.padEnd(4)}${status.padEnd(8)}${name}${note(violations, reason)}`);
  }
  const { hash, virtualMs, convergedMs, snapshots, snapshotsMs } = outcome;
  const seconds = (virtualMs / 1_000).toFixed(1);
  print(
    `seed ${seed}: ${outcome.isGood ? 'good' : 'FAILED'}, history ${hash}, ${outcome.events} events in ${seconds} virtual s, ` +
      `${outcome.acks} acks, equal ${Math.round(convergedMs)} ms after the silence began` +
      (snapshotsMs < 0
        ? ''
        : `, ${snapshots} snapshots everywhere ${Math.round(snapshotsMs)} ms later`),
  );
  for (const problem of outcome.problems) print(`  ${problem}`);
  return outcome.isGood ? EXIT.good : EXIT.failed;
}

function note(violations: number, reason: string | undefined): string {
  if (violations > 0) return `: ${violations}`;
  return reason === undefined ? '' : `: ${reason}`;
}

async function many({ seeds, from, processes, failures }: Options): Promise<number> {
  const startedMs = performance.now();
  const progress = startProgress(seeds);
  const result = await runCampaign({
    seeds: seedsFrom(from, seeds),
    processes: Math.max(1, processes),
    failuresMax: Math.max(1, failures),
    onReport: ({ seed, problems }) => {
      progress.seed();
      // At once: who sees one that matters need not wait for the rest.
      if (problems.length === 0) return;
      print(`seed ${seed} FAILED (npm run simulate -- --seed ${seed} --trace)`);
      for (const problem of problems) print(`  ${problem}`);
    },
  });
  progress.end();
  const seconds = (performance.now() - startedMs) / 1_000;
  print(
    `${result.seeds} seeds, ${result.failed.length} failed, in ${seconds.toFixed(1)} s ` +
      `(${(result.cpuMs / result.seeds).toFixed(1)} ms of CPU each): ${result.acks} acked edits, ` +
      `${Math.round(result.virtualMs / 1_000)} virtual s, equal within ${Math.round(result.convergedMsMax)} ms of silence, ` +
      `${result.snapshots} snapshots within ${Math.round(result.snapshotsMsMax)} ms more`,
  );
  return result.failed.length === 0 ? EXIT.good : EXIT.failed;
}

interface Progress {
  seed(): void;
  end(): void;
}

function startProgress(total: number): Progress {
  let done = 0;
  if (!process.stderr.isTTY) {
    return {
      seed: () => {
        done += 1;
        if (done % Math.ceil(total / 10) === 0) {
          process.stderr.write(`${done} of ${total} seeds\n`);
        }
      },
      end: () => undefined,
    };
  }
  const bar: Bar = new SingleBar(
    { format: '{bar} {value}/{total} seeds · {duration_formatted}', stream: process.stderr },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return { seed: () => bar.update((done += 1)), end: () => bar.stop() };
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
