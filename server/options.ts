/**
 * The options of a node: one table with the name of each, its default, its bounds and what it is for. Everything
 * that shows or reads options is made from it (config.ts). Names are fixed: things outside depend on them.
 */
import { randomBytes } from 'node:crypto';

export interface Config {
  readonly host: string;
  readonly port: number;
  readonly operationsPort: number | null;
  readonly dataDir: string;
  readonly nodeId: string;
  readonly region: string;
  readonly ack: 'local' | 'replicated';
  readonly auth: 'loopback' | 'none' | 'jwt';
  readonly jwtSecret: string | null;
  readonly jwtPublicKey: string | null;
  readonly jwksUrl: string | null;
  readonly jwtAudience: string | null;
  readonly jwtIssuer: string | null;
  readonly tokenLifetimeMaxMs: number;
  readonly clockToleranceMs: number;
  readonly authorizeTimeoutMs: number;
  readonly recheckIntervalMs: number;
  readonly preauthBytes: number;
  /** One URL, or several of a cluster, separated by commas. */
  readonly redisUrl: string | null;
  readonly regions: readonly string[];
  readonly replication: 'full' | 'open';
  readonly busSecret: string | null;
  readonly trustProxy: number;
  readonly rateWindowMs: number;
  /** Requests in a window; 0: any number, null: the default for this AUTH. */
  readonly rateUserMax: number | null;
  readonly rateAddressMax: number | null;
  readonly rateDocumentMax: number | null;
  readonly rateUpgradesMax: number | null;
  readonly rateBadTokensMax: number | null;
  readonly allowedOrigins: readonly string[];
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  readonly logPretty: boolean;
  readonly acceptDataLoss: boolean;
  readonly frameBytesMax: number;
  readonly documentBytesMax: number;
  readonly connectionsMax: number;
  readonly documentsOpenMax: number;
  readonly commitQueueBytesMax: number;
  readonly baseCacheBytesMax: number;
  readonly inboxBytesMax: number;
  readonly sendBufferBytes: number;
  readonly sendBufferBytesMax: number;
  readonly sendStallMs: number;
  readonly presenceBytesMax: number;
  readonly presenceDepthMax: number;
  readonly flushWindowMs: number;
  readonly roomIdleMs: number;
  readonly compactTailUpdates: number;
  readonly compactTailBytes: number;
  readonly compactTimeoutMs: number;
  readonly trialTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly workerThreads: number;
  readonly workerQueueMax: number;
  readonly contentBytesMax: number;
  readonly contentTimeoutMs: number;
  readonly restoreTimeoutMs: number;
  readonly snapshotsMax: number;
  readonly connectionCpuMs: number;
  readonly connectionBytesPerSecond: number;
  readonly heartbeatIntervalMs: number;
  readonly keepAliveMs: number;
  readonly bodyTimeoutMs: number;
  readonly requestsMax: number;
  readonly stateCacheBytesMax: number;
  readonly webhookUrl: string | null;
  readonly webhookSecret: string | null;
  readonly webhookEvents: readonly string[];
  readonly webhookDebounceMs: number;
  readonly webhookAttemptsMax: number;
  readonly webhookTimeoutMs: number;
  readonly changesBytesMax: number;
  readonly drainTimeoutMs: number;
}

export type Kind =
  | { readonly type: 'text' }
  | { readonly type: 'list' }
  | { readonly type: 'flag' }
  | { readonly type: 'choice'; readonly values: readonly string[] }
  | { readonly type: 'count' | 'bytes' | 'ms'; readonly min: number; readonly max: number };

export interface Option {
  readonly key: keyof Config;
  readonly env: string;
  readonly kind: Kind;
  /** What stands in the tables; the value itself comes from `defaults()`. */
  readonly shown?: string;
  /** Its value is never shown, logged or part of a message. */
  readonly isSecret?: true;
  readonly doc: string;
}

export const MIB: number = 1024 * 1024;
export const GIB: number = 1024 * MIB;
const DAY_MS = 86_400_000;
const count = (min: number, max: number): Kind => ({ type: 'count', min, max });
const bytes = (min: number, max: number): Kind => ({ type: 'bytes', min, max });
const ms = (min: number, max: number = DAY_MS): Kind => ({ type: 'ms', min, max });

export const OPTIONS: readonly Option[] = [
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
    key: 'ack',
    env: 'ACK',
    kind: { type: 'choice', values: ['local', 'replicated'] },
    doc: 'What an ack means to who does not ask for one (`?durability=`): `local` = on disk on this node, `replicated` = also on disk in another region. Needs REDIS_URL.',
  },
  {
    key: 'auth',
    env: 'AUTH',
    kind: { type: 'choice', values: ['loopback', 'none', 'jwt'] },
    shown: 'jwt with a key, else loopback',
    doc: '`loopback`: no access control, therefore refuses any other HOST. `none`: no access control on any address, in so many words. `jwt`: tokens, checked with exactly one of JWT_SECRET, JWT_PUBLIC_KEY, JWKS_URL.',
  },
  {
    key: 'jwtSecret',
    env: 'JWT_SECRET',
    kind: { type: 'text' },
    shown: 'unset',
    isSecret: true,
    doc: 'Secret of at least 32 bytes for HS256 tokens.',
  },
  {
    key: 'jwtPublicKey',
    env: 'JWT_PUBLIC_KEY',
    kind: { type: 'text' },
    shown: 'unset',
    doc: 'RSA (RS256) or P-256 (ES256) public key: PEM text, PEM text with `\\n` for line ends, or the path of a PEM file.',
  },
  {
    key: 'jwksUrl',
    env: 'JWKS_URL',
    kind: { type: 'text' },
    shown: 'unset',
    doc: 'Where the public keys are; fetched again every 10 minutes and for unknown key ids, at most once a minute.',
  },
  {
    key: 'jwtAudience',
    env: 'JWT_AUDIENCE',
    kind: { type: 'text' },
    shown: 'not checked',
    doc: 'The `aud` that tokens must name.',
  },
  {
    key: 'jwtIssuer',
    env: 'JWT_ISSUER',
    kind: { type: 'text' },
    shown: 'not checked',
    doc: 'The `iss` that tokens must have.',
  },
  {
    key: 'tokenLifetimeMaxMs',
    env: 'TOKEN_LIFETIME_MAX_MS',
    kind: ms(1000, 366 * DAY_MS),
    doc: 'Longest time from `iat` to `exp` of a token; revocations are kept as long.',
  },
  {
    key: 'clockToleranceMs',
    env: 'CLOCK_TOLERANCE_MS',
    kind: ms(0, 60_000),
    doc: 'How far clocks may be apart: tokens are accepted this long after `exp`.',
  },
  {
    key: 'authorizeTimeoutMs',
    env: 'AUTHORIZE_TIMEOUT_MS',
    kind: ms(10, 60_000),
    doc: 'How long the authorize hook of an embedding program may take; later means no, try again.',
  },
  {
    key: 'recheckIntervalMs',
    env: 'RECHECK_INTERVAL_MS',
    kind: ms(100),
    doc: 'How often the authorize hook is asked again about an open connection.',
  },
  {
    key: 'preauthBytes',
    env: 'PREAUTH_BYTES',
    kind: bytes(1024, GIB),
    doc: 'Largest frame that is read from a connection that was not let in.',
  },
  {
    key: 'redisUrl',
    env: 'REDIS_URL',
    kind: { type: 'text' },
    shown: 'unset',
    isSecret: true,
    doc: 'The Redis that the nodes of a region share: what they tell each other, counts of rate limits and used tickets. Several URLs, separated by commas, are a Redis Cluster. Without it the node is alone.',
  },
  {
    key: 'regions',
    env: 'REGIONS',
    kind: { type: 'list' },
    shown: 'none',
    isSecret: true,
    doc: 'The other regions and their Redis, as `us=redis://…,ap=redis://…`. This node publishes to REDIS_URL and listens to all.',
  },
  {
    key: 'replication',
    env: 'REPLICATION',
    kind: { type: 'choice', values: ['full', 'open'] },
    doc: '`full`: this node stores every document of the cluster. `open`: only those that are open on it.',
  },
  {
    key: 'busSecret',
    env: 'BUS_SECRET',
    kind: { type: 'text' },
    shown: 'unset',
    isSecret: true,
    doc: 'Signs what nodes tell each other, at least 16 bytes, the same on all nodes. Without it whoever may publish to Redis may pose as a node.',
  },
  {
    key: 'trustProxy',
    env: 'TRUST_PROXY',
    kind: count(0, 16),
    doc: 'Proxies in front whose X-Forwarded-For is believed: the client address is that many entries from its right end.',
  },
  {
    key: 'rateWindowMs',
    env: 'RATE_WINDOW_MS',
    kind: ms(1000),
    doc: 'The window that the limits below count in.',
  },
  {
    key: 'rateUserMax',
    env: 'RATE_USER_MAX',
    kind: count(0, 1_000_000_000),
    shown: '2000 with AUTH=jwt',
    doc: 'Requests of one user in a window; 0: any number.',
  },
  {
    key: 'rateAddressMax',
    env: 'RATE_ADDRESS_MAX',
    kind: count(0, 1_000_000_000),
    shown: '10000 beyond loopback',
    doc: 'Requests from one address (IPv6: /64) in a window; 0: any number. The default spares loopback addresses.',
  },
  {
    key: 'rateDocumentMax',
    env: 'RATE_DOCUMENT_MAX',
    kind: count(0, 1_000_000_000),
    shown: '20000 beyond loopback',
    doc: 'Requests to one document in a window; 0: any number.',
  },
  {
    key: 'rateUpgradesMax',
    env: 'RATE_UPGRADES_MAX',
    kind: count(0, 1_000_000_000),
    shown: '1000 beyond loopback',
    doc: 'WebSocket upgrades from one address in a window; 0: any number. The default spares loopback addresses.',
  },
  {
    key: 'rateBadTokensMax',
    env: 'RATE_BAD_TOKENS_MAX',
    kind: count(0, 1_000_000_000),
    shown: '200 with AUTH=jwt',
    doc: 'Bad tokens from one address in a window, after which its tokens are not looked at; 0: any number.',
  },
  {
    key: 'allowedOrigins',
    env: 'ALLOWED_ORIGINS',
    kind: { type: 'list' },
    shown: 'same origin',
    doc: 'Origins (scheme://host:port, comma-separated) whose pages may connect, besides the node’s own.',
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
    key: 'acceptDataLoss',
    env: 'ACCEPT_DATA_LOSS',
    kind: { type: 'flag' },
    doc: 'Open a damaged data folder with what is left of it. Same as --accept-data-loss.',
  },
  {
    key: 'frameBytesMax',
    env: 'FRAME_BYTES_MAX',
    kind: bytes(1024, GIB),
    doc: 'Largest frame from a client: an unmodified one sends all of its offline work in one.',
  },
  {
    key: 'documentBytesMax',
    env: 'DOCUMENT_BYTES_MAX',
    kind: bytes(1024, 4 * GIB),
    doc: 'Largest document, encoded; above it only deletions are accepted.',
  },
  {
    key: 'connectionsMax',
    env: 'CONNECTIONS_MAX',
    kind: count(1, 1_000_000),
    doc: 'WebSocket connections; more are answered 503 with Retry-After.',
  },
  {
    key: 'documentsOpenMax',
    env: 'DOCUMENTS_OPEN_MAX',
    kind: count(1, 1_000_000),
    doc: 'Documents open at once.',
  },
  {
    key: 'commitQueueBytesMax',
    env: 'COMMIT_QUEUE_BYTES_MAX',
    kind: bytes(64 * 1024, GIB),
    doc: 'Updates waiting for the disk; when full, sockets are not read, nothing is dropped.',
  },
  {
    key: 'baseCacheBytesMax',
    env: 'BASE_CACHE_BYTES_MAX',
    kind: bytes(MIB, 64 * GIB),
    doc: 'Compacted documents kept in memory, all together.',
  },
  {
    key: 'inboxBytesMax',
    env: 'INBOX_BYTES_MAX',
    kind: bytes(1024, GIB),
    doc: 'Messages of one connection waiting while its document loads; when full its socket is not read.',
  },
  {
    key: 'sendBufferBytes',
    env: 'SEND_BUFFER_BYTES',
    kind: bytes(16 * 1024, GIB),
    doc: 'Above this a connection is lagging: it gets one catch-up when it has drained.',
  },
  {
    key: 'sendBufferBytesMax',
    env: 'SEND_BUFFER_BYTES_MAX',
    kind: bytes(64 * 1024, GIB),
    doc: 'Above this a connection is closed (1013).',
  },
  {
    key: 'sendStallMs',
    env: 'SEND_STALL_MS',
    kind: ms(100),
    doc: 'A connection that takes nothing for this long while something waits for it is closed (1013).',
  },
  {
    key: 'presenceBytesMax',
    env: 'PRESENCE_BYTES_MAX',
    kind: bytes(64, MIB),
    doc: 'Largest presence state (cursor, name) of a client, as JSON.',
  },
  {
    key: 'presenceDepthMax',
    env: 'PRESENCE_DEPTH_MAX',
    kind: count(1, 512),
    doc: 'Deepest nesting of a presence state.',
  },
  {
    key: 'flushWindowMs',
    env: 'FLUSH_WINDOW_MS',
    kind: ms(0, 1000),
    doc: 'Longest time that a busy room collects updates before it sends them on; a quiet one sends at once.',
  },
  {
    key: 'roomIdleMs',
    env: 'ROOM_IDLE_MS',
    kind: ms(0),
    doc: 'A document without connections is compacted and closed after this time.',
  },
  {
    key: 'compactTailUpdates',
    env: 'COMPACT_TAIL_UPDATES',
    kind: count(1, 10_000_000),
    doc: 'Updates since the last compaction that start the next one.',
  },
  {
    key: 'compactTailBytes',
    env: 'COMPACT_TAIL_BYTES',
    kind: bytes(1024, GIB),
    doc: 'Bytes since the last compaction that start the next one (or a quarter of the document, if larger).',
  },
  {
    key: 'compactTimeoutMs',
    env: 'COMPACT_TIMEOUT_MS',
    kind: ms(100),
    doc: 'Longest compaction; a document that takes longer keeps its log and is reported.',
  },
  {
    key: 'trialTimeoutMs',
    env: 'TRIAL_TIMEOUT_MS',
    kind: ms(10),
    doc: 'Longest integration of an update that looks expensive, tried in a worker before it is accepted; what takes longer is tried once more with four times that.',
  },
  {
    key: 'writeTimeoutMs',
    env: 'WRITE_TIMEOUT_MS',
    kind: ms(100),
    doc: 'Longest time that a request over HTTP waits for the disk; then its outcome is unknown and it may be repeated.',
  },
  {
    key: 'workerThreads',
    env: 'WORKER_THREADS',
    kind: count(1, 64),
    doc: 'Threads for compaction, large updates and diffs.',
  },
  {
    key: 'workerQueueMax',
    env: 'WORKER_QUEUE_MAX',
    kind: count(1, 100_000),
    doc: 'Jobs waiting for a worker thread.',
  },
  {
    key: 'contentBytesMax',
    env: 'CONTENT_BYTES_MAX',
    kind: bytes(1024, GIB),
    doc: 'Largest rendered content; formatting can make it many times the document.',
  },
  {
    key: 'contentTimeoutMs',
    env: 'CONTENT_TIMEOUT_MS',
    kind: ms(1),
    doc: 'Rendering a document, or comparing two states of one, takes no longer.',
  },
  {
    key: 'restoreTimeoutMs',
    env: 'RESTORE_TIMEOUT_MS',
    kind: ms(1),
    doc: 'Finding out what brings a document back to a snapshot takes no longer.',
  },
  {
    key: 'snapshotsMax',
    env: 'SNAPSHOTS_MAX',
    kind: count(0, 10_000),
    doc: 'Snapshots that a document may have.',
  },
  {
    key: 'connectionCpuMs',
    env: 'CONNECTION_CPU_MS',
    kind: ms(1, 1000),
    doc: 'CPU time a second that one connection may cause, with a burst of five times that; beyond it is slowed.',
  },
  {
    key: 'connectionBytesPerSecond',
    env: 'CONNECTION_BYTES_PER_SECOND',
    kind: bytes(1024, 4 * GIB),
    doc: 'Bytes a second that one connection may send, with a burst of FRAME_BYTES_MAX; beyond it is slowed.',
  },
  {
    key: 'heartbeatIntervalMs',
    env: 'HEARTBEAT_INTERVAL_MS',
    kind: ms(100),
    doc: 'Pings; a connection that misses two is closed.',
  },
  {
    key: 'keepAliveMs',
    env: 'KEEP_ALIVE_MS',
    kind: ms(100),
    doc: 'A client hears something at least this often (stock clients reconnect after 30 s of silence).',
  },
  {
    key: 'bodyTimeoutMs',
    env: 'BODY_TIMEOUT',
    kind: ms(100),
    doc: 'A request body of which nothing arrives for this long is given up (408).',
  },
  {
    key: 'requestsMax',
    env: 'REQUESTS_MAX',
    kind: count(1, 1_000_000),
    doc: 'HTTP requests being answered at once, event streams aside; more are answered 503 with Retry-After.',
  },
  {
    key: 'stateCacheBytesMax',
    env: 'STATE_CACHE_BYTES_MAX',
    kind: bytes(MIB, 64 * GIB),
    doc: 'Documents kept compressed for GET …/state, all together.',
  },
  {
    key: 'webhookUrl',
    env: 'WEBHOOK_URL',
    kind: { type: 'text' },
    shown: 'unset',
    isSecret: true,
    doc: 'Is told, by POST, which documents were created, changed and deleted (“Webhooks” below).',
  },
  {
    key: 'webhookSecret',
    env: 'WEBHOOK_SECRET',
    kind: { type: 'text' },
    shown: 'unset',
    isSecret: true,
    doc: 'Signs what WEBHOOK_URL is told: at least 24 bytes, or `whsec_` and base64.',
  },
  {
    key: 'webhookEvents',
    env: 'WEBHOOK_EVENTS',
    kind: { type: 'list' },
    shown: 'created,changed,deleted',
    doc: 'Which of these WEBHOOK_URL is told.',
  },
  {
    key: 'webhookDebounceMs',
    env: 'WEBHOOK_DEBOUNCE_MS',
    kind: ms(0),
    doc: 'Changes of one document are collected for so long, and told once.',
  },
  {
    key: 'webhookAttemptsMax',
    env: 'WEBHOOK_ATTEMPTS_MAX',
    kind: count(1, 1000),
    doc: 'After so many failed attempts an event becomes a dead letter (20 take about eight hours).',
  },
  {
    key: 'webhookTimeoutMs',
    env: 'WEBHOOK_TIMEOUT_MS',
    kind: ms(10, 300_000),
    doc: 'An attempt that is not answered within this time has failed.',
  },
  {
    key: 'changesBytesMax',
    env: 'CHANGES_BYTES_MAX',
    kind: bytes(64 * 1024, GIB),
    doc: 'What WEBHOOK_URL has still to be told, on disk; above it each document keeps its newest event only.',
  },
  {
    key: 'drainTimeoutMs',
    env: 'DRAIN_TIMEOUT_MS',
    kind: ms(100),
    doc: 'Longest shutdown on SIGTERM.',
  },
];

export function defaults(): Config {
  return {
    host: '127.0.0.1',
    port: 1234,
    operationsPort: null,
    dataDir: './data',
    nodeId: randomBytes(4).toString('hex'),
    region: 'local',
    ack: 'local',
    auth: 'loopback',
    jwtSecret: null,
    jwtPublicKey: null,
    jwksUrl: null,
    jwtAudience: null,
    jwtIssuer: null,
    tokenLifetimeMaxMs: DAY_MS,
    clockToleranceMs: 5000,
    authorizeTimeoutMs: 2000,
    recheckIntervalMs: 60_000,
    preauthBytes: 64 * 1024,
    redisUrl: null,
    regions: [],
    replication: 'full',
    busSecret: null,
    trustProxy: 0,
    rateWindowMs: 10_000,
    rateUserMax: null,
    rateAddressMax: null,
    rateDocumentMax: null,
    rateUpgradesMax: null,
    rateBadTokensMax: null,
    allowedOrigins: [],
    logLevel: 'info',
    logPretty: false,
    acceptDataLoss: false,
    frameBytesMax: 32 * MIB,
    documentBytesMax: 64 * MIB,
    connectionsMax: 10_000,
    documentsOpenMax: 10_000,
    commitQueueBytesMax: 16 * MIB,
    baseCacheBytesMax: 64 * MIB,
    inboxBytesMax: MIB,
    sendBufferBytes: MIB,
    sendBufferBytesMax: 8 * MIB,
    sendStallMs: 10_000,
    presenceBytesMax: 8192,
    presenceDepthMax: 16,
    flushWindowMs: 16,
    roomIdleMs: 30_000,
    compactTailUpdates: 20_000,
    compactTailBytes: 256 * 1024,
    compactTimeoutMs: 60_000,
    trialTimeoutMs: 250,
    writeTimeoutMs: 10_000,
    workerThreads: 2,
    workerQueueMax: 1024,
    contentBytesMax: 64 * MIB,
    contentTimeoutMs: 10_000,
    restoreTimeoutMs: 30_000,
    snapshotsMax: 100,
    connectionCpuMs: 200,
    connectionBytesPerSecond: 32 * MIB,
    heartbeatIntervalMs: 30_000,
    keepAliveMs: 10_000,
    bodyTimeoutMs: 10_000,
    requestsMax: 4096,
    stateCacheBytesMax: 64 * MIB,
    webhookUrl: null,
    webhookSecret: null,
    webhookEvents: ['created', 'changed', 'deleted'],
    webhookDebounceMs: 2000,
    webhookAttemptsMax: 20,
    webhookTimeoutMs: 10_000,
    changesBytesMax: 16 * MIB,
    drainTimeoutMs: 10_000,
  };
}
