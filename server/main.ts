/**
 * The process edge: environment and arguments → configuration → node, signals → drain, exit codes. The only
 * file of the server that touches `process`.
 *
 * Exit codes: 0 after a drain, 1 when something broke, 2 when the configuration is unusable, 69 when the
 * address is taken, 78 when the data folder was refused (EX_UNAVAILABLE, EX_CONFIG of sysexits.h).
 */
import { Command } from 'commander';
import { StoreError } from '../persistence/store.ts';
import { ConfigError, configFromEnv, optionRows } from './config.ts';
import { createNode, type Node } from './node.ts';

const EXIT = { failed: 1, usage: 2, unavailable: 69, refused: 78 } as const;

function helpTable(): string {
  const rows = optionRows();
  const width = Math.max(...rows.map(([env]) => env.length));
  const lines = rows.map(([env, fallback, doc]) => `  ${env.padEnd(width)}  ${doc} [${fallback}]`);
  return `\nConfiguration (environment variables, with their defaults):\n${lines.join('\n')}\n`;
}

function exitWith(message: string, code: number): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

function onFatal(node: Node, what: string, error: unknown): void {
  node.log.fatal({ err: error }, what);
  void node.close().finally(() => process.exit(EXIT.failed));
}

async function main(): Promise<void> {
  const { acceptDataLoss } = new Command('syncline-server')
    .description('Real-time collaborative document server. An acknowledged edit is on disk.')
    .option('--accept-data-loss', 'open a damaged data folder with what is left of it')
    .addHelpText('after', helpTable())
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT.usage))
    .parse()
    .opts<{ acceptDataLoss?: true }>();

  const node = createNode({
    logPretty: process.stdout.isTTY,
    ...configFromEnv(process.env),
    ...(acceptDataLoss === true ? { acceptDataLoss: true } : {}),
  });
  process.on('uncaughtException', (error) => {
    onFatal(node, 'uncaught exception', error);
  });
  process.on('unhandledRejection', (error) => {
    onFatal(node, 'unhandled rejection', error);
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      node.log.info({ signal }, 'draining');
      void node.drain().then(
        () => process.exit(0),
        (error: unknown) => {
          exitWith(String(error), EXIT.failed);
        },
      );
    });
  }
  process.stdout.write(`${await node.listen()}\n`);
}

try {
  await main();
} catch (error) {
  if (error instanceof ConfigError) exitWith(error.message, EXIT.usage);
  if (error instanceof StoreError) exitWith(`syncline: ${error.message}`, EXIT.refused);
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    exitWith('syncline: the address is in use; set PORT to another one, or 0', EXIT.unavailable);
  }
  exitWith(error instanceof Error ? (error.stack ?? error.message) : String(error), EXIT.failed);
}
