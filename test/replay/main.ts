/** The command line: `npm run replay -- --trace FILE [--clients N] [--speed X | --max] [--url URL]`. */
import { basename } from 'node:path';
import { type Bar, Presets, SingleBar } from 'cli-progress';
import Table from 'cli-table3';
import { Command, InvalidArgumentError, Option } from 'commander';
import { loadTrace, type Trace } from '../support/traces.ts';
import { isSuccess, replay, type ReplayReport } from './replay.ts';
import { recordedTimes, timeline } from './timeline.ts';

interface Options {
  readonly trace: string;
  readonly clients: number;
  readonly speed?: number;
  readonly url?: string;
  readonly json: boolean;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('a whole number.');
  return value;
}

function factor(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('a number above 0.');
  return value;
}

function websocketUrl(text: string): string {
  if (!/^(ws|http)s?:\/\/[^/]/.test(text)) {
    throw new InvalidArgumentError('ws://, wss://, http:// or https://, host and port.');
  }
  return text.replace(/^http/, 'ws').replace(/\/$/, '');
}

interface Progress {
  edits(done: number): void;
  end(): void;
}

function startProgress(total: number): Progress {
  if (!process.stderr.isTTY) {
    let tenths = 0;
    return {
      edits: (done) => {
        if (done < ((tenths + 1) * total) / 10) return;
        tenths = Math.floor((done * 10) / total);
        process.stderr.write(`${done} of ${total} edits\n`);
      },
      end: () => undefined,
    };
  }
  const bar: Bar = new SingleBar(
    { format: '{bar} {value}/{total} edits · {duration_formatted}', stream: process.stderr },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return { edits: (done) => bar.update(done), end: () => bar.stop() };
}

function milliseconds(values: ReplayReport['ackMs'], otherwise: string): string {
  if (values === null) return otherwise;
  return [values.p50, values.p95, values.p99].map((value) => value.toFixed(1)).join(' / ');
}

function yesNo(isEqual: boolean | null): string {
  return isEqual === null ? 'not asked' : isEqual ? 'yes' : 'NO';
}

function table(name: string, speed: string, report: ReplayReport): string {
  const lines = new Table({ style: { head: [], border: [], compact: true } });
  lines.push(
    ['session', `${name}, ${speed}`],
    ['clients', `${report.authors} typing, ${report.watchers} watching`],
    ['edits', `${report.edits} in ${report.seconds.toFixed(1)} s`],
    ['of them at the same time as another’s', report.concurrentEdits],
    ['edits/s', report.editsPerSecond.toFixed(0)],
    ['ack p50 / p95 / p99, ms', milliseconds(report.ackMs, 'the server has no durable ack')],
    ['propagation p50 / p95 / p99, ms', milliseconds(report.propagationMs, 'nobody watched')],
    ['everybody’s text is the recorded one', yesNo(report.isWatchedEqual)],
    ['a fresh client’s too', yesNo(report.isLiveEqual)],
    ['and after kill -9 and a new start', yesNo(report.isRestartedEqual)],
  );
  return lines.toString();
}

function read(path: string): Trace {
  try {
    return loadTrace(path);
  } catch (error) {
    throw new Error(`cannot read the session ${path}: ${String(error)}`, { cause: error });
  }
}

async function run(options: Options): Promise<void> {
  const trace = read(options.trace);
  const name = basename(options.trace);
  const { speed } = options;
  const dueAtMs =
    speed === undefined
      ? null
      : timeline(recordedTimes(options.trace), trace.agents).map((atMs) => atMs / speed);
  const total = trace.txns.length;
  const progress = startProgress(total);
  let report: ReplayReport;
  try {
    report = await replay({
      trace,
      watchers: options.clients,
      dueAtMs,
      url: options.url ?? null,
      onProgress: (done) => progress.edits(done),
    });
  } finally {
    progress.end();
  }
  const pace = speed === undefined ? 'at full speed' : `${speed} × real time`;
  const text = options.json
    ? JSON.stringify({ trace: name, ...report })
    : table(name, pace, report);
  process.stdout.write(`${text}\n`);
  if (!isSuccess(report)) process.exitCode = 1;
}

const program = new Command('npm run replay --')
  .description(
    'Plays a recorded editing session through real WebSocket clients, one for each author, and checks that ' +
      'a fresh client ends with the recorded text. Without --url it starts a node of its own, and checks ' +
      'again after kill -9 and a new start. Exit code 1: a text differs.',
  )
  .requiredOption('--trace <file>', 'a recording: .json or .json.gz')
  .option('--clients <n>', 'clients that watch beside the authors', count, 1)
  .addOption(
    new Option(
      '--speed <x>',
      'x times real time; pauses are cut to 5 s, and a recording without usable times is typed at 5 edits a second by each author',
    )
      .argParser(factor)
      .conflicts('max'),
  )
  .option(
    '--max',
    'as fast as acks allow: up to 1,024 unacknowledged edits an author (the default)',
  )
  .option('--url <url>', 'a running server, ws://host:port', websocketUrl)
  .option('--json', 'one line of JSON instead of the table', false)
  .action(run);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
