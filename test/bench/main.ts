/** The command line: `npm run bench -- list | <workload…> [--rounds N] [--peers a,b] [--quick] [--record]`. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { format } from 'prettier';
import { Crowd } from './crowd.ts';
import { NodeStage } from './node-stage.ts';
import { installPeers, PROJECT_ROOT } from './peers.ts';
import { requireProc } from './process-stats.ts';
import { type Progress, startProgress } from './progress.ts';
import { resultsPage, terminalTable } from './report.ts';
import { collect, latest, save } from './results.ts';
import { profileInto, RunningServer, type ServerKind, SERVERS } from './servers.ts';
import type { Outcome, Workload } from './workload.ts';
import { WORKLOADS } from './workloads/index.ts';

interface Options {
  readonly rounds: number;
  readonly peers: readonly string[];
  readonly quick: boolean;
  readonly record: boolean;
  readonly syncline: boolean;
  readonly profile?: string;
}

const PEER_IDS = SERVERS.map((server) => server.id).filter((id) => id !== 'syncline');

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('a count from 1.');
  return value;
}

function peerList(text: string): readonly string[] {
  if (text === 'none') return [];
  const names = text.split(',');
  const unknown = names.filter((name) => !PEER_IDS.some((id) => id === name));
  if (unknown.length > 0) {
    throw new InvalidArgumentError(
      `no peer ${unknown.join(', ')}; there are ${PEER_IDS.join(', ')}.`,
    );
  }
  return names;
}

function chosen(names: readonly string[]): readonly Workload[] {
  if (names.length === 0) return WORKLOADS;
  return names.map((name) => {
    const workload = WORKLOADS.find((each) => each.name === name);
    if (workload === undefined) throw new Error(`no workload ${name}; see: npm run bench -- list`);
    return workload;
  });
}

function serversFor(workload: Workload, options: Options): ServerKind[] {
  return SERVERS.filter(
    ({ id, needsRedis = false }) =>
      (id === 'syncline' ? options.syncline : options.peers.includes(id)) &&
      (workload.servers?.includes(id) ?? !needsRedis),
  );
}

async function runOnce(
  workload: Workload,
  kind: ServerKind,
  isQuick: boolean,
  progress: Progress,
): Promise<Outcome> {
  const say = (phase: string): void => progress.phase(phase);
  // Fresh servers and a fresh crowd: no run inherits the garbage of the one before.
  const crowd = new Crowd();
  const stage = new NodeStage(kind);
  let server: RunningServer | null = null;
  try {
    if ('runNodes' in workload) return await workload.runNodes({ stage, isQuick, say });
    server = await RunningServer.start(kind, workload.isInspected);
    return await workload.run({ server, crowd, isQuick, say });
  } catch (error) {
    // A server that breaks down is a result, and the others still get their turn.
    return {
      values: {},
      faults: [error instanceof Error ? error.message : String(error)],
      remarks: [],
    };
  } finally {
    await crowd.close();
    await server?.stop();
    await stage.close();
  }
}

async function measure(workloads: readonly Workload[], options: Options): Promise<boolean> {
  const { rounds, quick: isQuick } = options;
  const steps = workloads.flatMap((workload) => serversFor(workload, options)).length * rounds;
  const progress = startProgress(steps);
  const tables: string[] = [];
  let isSound = true;
  for (const workload of workloads) {
    const kinds = serversFor(workload, options);
    const outcomes = new Map<ServerKind, Outcome[]>(kinds.map((kind) => [kind, []]));
    for (let round = 1; round <= rounds; round++) {
      for (const kind of kinds) {
        progress.step(`${workload.name}, round ${round}, ${kind.label}`);
        outcomes.get(kind)?.push(await runOnce(workload, kind, isQuick, progress));
      }
    }
    if (kinds.length === 0) continue;
    const result = collect(workload, outcomes, { isQuick, rounds });
    tables.push(terminalTable(result), `  ${save(result)}\n`);
    isSound &&= result.servers.every(({ outcomes: all }) =>
      all.every((o) => o.faults.length === 0),
    );
  }
  progress.end();
  process.stdout.write(`${tables.join('\n')}\n`);
  return isSound;
}

function list(): void {
  for (const { name, summary } of WORKLOADS) process.stdout.write(`${name}\n    ${summary}\n`);
  process.stdout.write(`peers: ${PEER_IDS.join(', ')}\n`);
}

async function record(): Promise<void> {
  const results = latest(WORKLOADS.map((workload) => workload.name));
  const file = join(PROJECT_ROOT, 'test/bench/RESULTS.md');
  writeFileSync(file, await format(resultsPage(results), { parser: 'markdown' }));
  process.stderr.write(`wrote ${file} from ${results.length} results\n`);
}

const program = new Command('npm run bench --')
  .description('Measures Syncline and its peers in the same run. Needs Linux; loopback only.')
  .argument(
    '[workload...]',
    '"list", or names from it; all of them without one; "record": see --record',
  )
  .option('--rounds <n>', 'rounds; they interleave the servers', positive, 1)
  .option('--peers <a,b>', `of ${PEER_IDS.join(', ')}; or "none"`, peerList, PEER_IDS)
  .option('--no-syncline', 'measure the peers only')
  .option('--quick', 'small counts: to see that it works, not to measure', false)
  .option('--profile <folder>', 'servers write CPU profiles there, and are slower for it')
  .option('--record', 'then rewrite test/bench/RESULTS.md from the latest results', false)
  .action(async (names: string[], options: Options) => {
    if (names.length === 1 && names[0] === 'list') {
      list();
      return;
    }
    if (names.length === 1 && names[0] === 'record') {
      await record();
      return;
    }
    requireProc();
    if (options.profile !== undefined) profileInto(resolve(options.profile));
    const workloads = chosen(names);
    if (options.peers.length > 0) installPeers();
    if (!(await measure(workloads, options))) process.exitCode = 1;
    if (options.record) await record();
  });

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
