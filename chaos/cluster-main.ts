/**
 * `npm run cluster`: regions of nodes on this machine, to look at and to break. stdout has the addresses, stderr what the
 * processes say from `warn` on. ctrl-c ends everything in order, a second one at once.
 */
import { Command, InvalidArgumentError } from 'commander';
import { Cluster, NODES_MAX, PORTS_PER_REGION, REGIONS_MAX } from './cluster.ts';
import { MissingProgram } from './programs.ts';

interface Flags {
  readonly regions: number;
  readonly nodes: number;
  readonly basePort?: number;
  readonly data?: string;
  readonly access?: true;
}

const EXIT = { failed: 1, usage: 2, unavailable: 69 } as const;
/** Under npm one ctrl-c comes twice, from the terminal and from npm: that is no second one. */
const REPEAT_MS = 1_000;
/** Redis says at start that it starts, and more that is no trouble: `#` marks its warnings. */
const REDIS_NEWS =
  /^\d+:[A-Z] \d+ \w+ \d{4} [\d:.]+ [*.-]|oO0OoO0OoO0Oo|Redis version=|Configuration loaded|Server initialized|overcommit|^\s*$/;

function numberUpTo(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1 && value <= max) return value;
    throw new InvalidArgumentError(`A number from 1 to ${max}.`);
  };
}

function flagsOf(argv: readonly string[]): Flags {
  return new Command('cluster')
    .description('Regions of nodes on this machine: a Redis, nodes and an HAProxy each.')
    .option('--regions <n>', 'regions', numberUpTo(REGIONS_MAX), 2)
    .option('--nodes <n>', 'nodes in each', numberUpTo(NODES_MAX), 2)
    .option(
      '--base-port <port>',
      `ports from here on, ${PORTS_PER_REGION} a region: HAProxy, nodes, last the Redis (default: free ones)`,
      numberUpTo(65_535 - REGIONS_MAX * PORTS_PER_REGION),
    )
    .option('--data <dir>', 'keep the documents there (default: a temporary folder)')
    .option('--access', 'with access control; prints tokens for 12 hours')
    .addHelpText(
      'after',
      '\nOther options of nodes come from the environment, as in: ACK=replicated npm run cluster\nKill a process by its id and see what the others do. ctrl-c ends everything in order.',
    )
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT.usage))
    .parse(argv)
    .opts<Flags>();
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function tableOf({ regions, tokens }: Cluster): string {
  const rows = regions.flatMap(({ name, url, proxy, nodes, redis, redisUrl }) => [
    [name, 'HAProxy', url, proxy.pid],
    ...nodes.map(({ process: node, url: nodeUrl }) => ['', node.name, nodeUrl, node.pid]),
    ['', 'Redis', redisUrl, redis.pid],
  ]);
  const cells = [['region', '', 'address', 'pid'], ...rows].map((row) => row.map(String));
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  const lines = cells.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '),
  );
  const [first, second] = regions;
  return [
    '',
    ...lines,
    '',
    `Open ${first?.url}${second === undefined ? '' : ` and ${second.url}`}: two editors, one document.`,
    ...(tokens === null
      ? []
      : [`token to write      ${tokens.write}`, `token of operators  ${tokens.admin}`]),
    'ctrl-c ends everything.',
    '',
  ].join('\n');
}

async function main(): Promise<void> {
  const flags = flagsOf(process.argv);
  let cluster: Cluster | null = null;
  let endingMs: number | null = null;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const ended = cluster;
      // While it starts: the guard ends what there is.
      if (ended === null) process.exit(EXIT.failed);
      if (endingMs === null) {
        endingMs = performance.now();
        say('ending …');
        void ended.end().then(() => {
          say('all ended in order');
          process.exit(0);
        });
      } else if (performance.now() - endingMs > REPEAT_MS) {
        void ended.kill().then(() => process.exit(EXIT.failed));
      }
    });
  }
  cluster = await Cluster.start(
    {
      regions: flags.regions,
      nodes: flags.nodes,
      ...(flags.basePort === undefined ? {} : { basePort: flags.basePort }),
      ...(flags.data === undefined ? {} : { dataDir: flags.data }),
      hasAccess: flags.access === true,
      env: { LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'warn', LOG_PRETTY: '1' },
    },
    {
      onLine: (name, line) => {
        // A node's own address, and a Redis that is well, are no news.
        if (line.startsWith('http://') || REDIS_NEWS.test(line)) return;
        if (endingMs === null) say(`[${name}] ${line}`);
      },
      onLost: (name, how) => {
        say(`[${name}] ${how}; the others go on`);
      },
    },
  );
  process.stdout.write(tableOf(cluster));
}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof MissingProgram ? EXIT.unavailable : EXIT.failed;
}
