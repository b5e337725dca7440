/** Where a node is, what it is called, where its data is, and how it starts, logs and ends. */
import { randomBytes } from 'node:crypto';
import { count, ms, type Option } from './option.ts';

export interface NodeConfig {
  readonly host: string;
  readonly port: number;
  readonly operationsPort: number | null;
  readonly dataDir: string;
  readonly acceptDataLoss: boolean;
  readonly nodeId: string;
  readonly region: string;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  readonly logPretty: boolean;
  readonly drainTimeoutMs: number;
}

export const NODE_OPTIONS: readonly Option<keyof NodeConfig>[] = [
  { key: 'host', env: 'HOST', kind: { type: 'text' }, doc: 'Address to listen on.' },
  {
    key: 'port',
    env: 'PORT',
    kind: count(0, 65_535),
    doc: 'Port; 0 picks a free one. The URL chosen is the first line on stdout.',
  },
  {
    key: 'operationsPort',
    env: 'OPERATIONS_PORT',
    kind: count(0, 65_535),
    shown: 'unset',
    doc: 'Port for `/healthz`, `/readyz` and `/metrics` alone, on the same address; they are then 404 on PORT.',
  },
  {
    key: 'dataDir',
    env: 'DATA_DIR',
    kind: { type: 'text' },
    doc: "Folder of the LevelDB database, in y-leveldb's layout.",
  },
  {
    key: 'acceptDataLoss',
    env: 'ACCEPT_DATA_LOSS',
    kind: { type: 'flag' },
    doc: 'Open a damaged data folder with what is left of it. Same as --accept-data-loss.',
  },
  {
    key: 'nodeId',
    env: 'NODE_ID',
    kind: { type: 'text' },
    shown: 'random',
    doc: 'Name of this node, no two alike: letters, digits and `- _ .`, at most 64.',
  },
  {
    key: 'region',
    env: 'REGION',
    kind: { type: 'text' },
    doc: 'Region of this node; a name like NODE_ID.',
  },
  {
    key: 'logLevel',
    env: 'LOG_LEVEL',
    kind: {
      type: 'choice',
      values: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    },
    doc: 'Least severe level that is logged.',
  },
  {
    key: 'logPretty',
    env: 'LOG_PRETTY',
    kind: { type: 'flag' },
    shown: 'on a terminal',
    doc: 'Logs for people instead of JSON lines.',
  },
  {
    key: 'drainTimeoutMs',
    env: 'DRAIN_TIMEOUT_MS',
    kind: ms(100),
    doc: 'Longest shutdown on SIGTERM.',
  },
];

export function nodeDefaults(): NodeConfig {
  return {
    host: '127.0.0.1',
    port: 1234,
    operationsPort: null,
    dataDir: './data',
    acceptDataLoss: false,
    nodeId: randomBytes(4).toString('hex'),
    region: 'local',
    logLevel: 'info',
    logPretty: false,
    drainTimeoutMs: 10_000,
  };
}
