/**
 * The composition root: builds every part of a node and wires them; the only place that names adapters.
 * `listen` opens the store before the port, so nobody is answered from a store that is not known. [I8]
 */
import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LevelStore } from '../persistence/level-store.ts';
import { isDiskFull, type DocumentStore, type StoreObserver } from '../persistence/store.ts';
import type { AccessControl } from './access/access.ts';
import type { Authorize } from './access/authorize.ts';
import type { RunningAccess } from './access/control.ts';
import { rateLimits, type RateLimits } from './access/rate-limits.ts';
import type { SharedRedis } from './access/redis.ts';
import type { OriginPolicy } from './access/origin.ts';
import { createCluster } from './cluster.ts';
import { createNodeAccess, createSharedRedis } from './create-access.ts';
import { Connections } from './connections/connections.ts';
import { makeConfig } from './config.ts';
import type { Config } from './options.ts';
import type { Fanout } from './fanout/fanout.ts';
import { Gateway } from './gateway/gateway.ts';
import { createApp, createOperationsApp } from './http/app.ts';
import type { HttpContext, NodeReport } from './http/context.ts';
import { createHttpServer } from './http/create-server.ts';
import { EventStreams } from './http/event-stream.ts';
import { createLogger, type Logger } from './observe/log.ts';
import { Metrics } from './observe/metrics.ts';
import { BaseCache } from './rooms/base-cache.ts';
import { RoomStats, type RoomContext, type RoomSabotage } from './rooms/context.ts';
import { Content } from './rooms/content.ts';
import { Documents } from './rooms/documents.ts';
import { History } from './rooms/history.ts';
import { Registry } from './rooms/registry.ts';
import type { DurabilityOffer } from './rooms/replication.ts';
import { Reports } from './reports.ts';
import { withDeadline } from './shutdown.ts';
import { realTimers } from './rooms/timers.ts';
import { WorkerPool } from './rooms/workers/worker-pool.ts';
import type { WebhookSabotage } from './webhooks/dispatcher.ts';
import { Webhooks } from './webhooks/webhooks.ts';

/** Parts that an embedding program or a test may bring itself. */
export interface NodeParts {
  /** Makes the store instead of LevelDB in `dataDir`. */
  readonly createStore?: (observer: StoreObserver) => DocumentStore;
  readonly logger?: Logger;
  /** Decides about each user and document, after the token; see access/authorize.ts. */
  readonly authorize?: Authorize;
  /** Only for the tests that prove that they would notice; see rooms/context.ts. */
  readonly sabotage?: RoomSabotage;
  readonly webhookSabotage?: WebhookSabotage;
}

/** On drain, a herd of connections is said goodbye over at most this long. */
const DRAIN_SPREAD_MS = 5000;
/** After the drain deadline, for releasing what can be released. */
const CLOSE_GRACE_MS = 500;

/** What the HTTP side gets that the node itself has no use for. */
type HttpParts = Pick<HttpContext, 'history' | 'content' | 'streams' | 'origins'>;

type Phase = 'new' | 'listening' | 'draining' | 'closed';

export class Node {
  readonly config: Config;
  readonly log: Logger;
  readonly #metrics = new Metrics();
  readonly #reports: Reports;
  readonly #store: DocumentStore;
  readonly #workers: WorkerPool;
  readonly #registry: Registry;
  readonly #documents: Documents;
  readonly #redis: SharedRedis | null;
  /** Null: this node is alone. */
  readonly #fanout: Fanout | null;
  readonly #history: History;
  readonly #access: RunningAccess;
  readonly #rates: RateLimits;
  readonly #connections: Connections;
  readonly #gateway: Gateway;
  readonly #webhooks: Webhooks | null;
  readonly #server: Server;
  readonly #startedAtMs: number = realTimers.wallClock();
  #operations: Server | null = null;
  #phase: Phase = 'new';
  #url: string | null = null;
  #ending: Promise<void> | null = null;

  constructor(config: Config, parts: NodeParts) {
    this.config = config;
    this.log = parts.logger ?? createLogger(config);
    this.#reports = new Reports(this.log, this.#metrics, config);
    const observer = this.#reports.storeObserver({
      onCommit: () => this.#webhooks?.wake(),
      onFull: (isFull) => {
        this.#connections.setStoreFull(isFull);
      },
    });
    this.#store =
      parts.createStore?.(observer) ??
      new LevelStore({
        folder: config.dataDir,
        queueBytesMax: config.commitQueueBytesMax,
        acceptDataLoss: config.acceptDataLoss,
        recordsChanges: config.webhookUrl !== null,
        changesBytesMax: config.changesBytesMax,
        observer,
      });
    this.#workers = new WorkerPool({
      threadsMax: config.workerThreads,
      queueMax: config.workerQueueMax,
    });
    const { tracing } = this.#reports;
    const cluster = createCluster(config, tracing, (event) => {
      this.#reports.onFanoutEvent(event);
    });
    this.#fanout = cluster?.fanout ?? null;
    if (cluster !== null) this.#metrics.watchFanout(cluster);
    const bases = new BaseCache(this.#store, config.baseCacheBytesMax, realTimers);
    const stats = new RoomStats();
    const context: RoomContext = {
      store: this.#store,
      workers: this.#workers,
      bases,
      timers: realTimers,
      nextEpoch: () => randomBytes(9).toString('base64url'),
      limits: {
        ...config,
        presence: {
          stateBytesMax: config.presenceBytesMax,
          stateDepthMax: config.presenceDepthMax,
        },
      },
      stats,
      sabotage: parts.sabotage ?? {},
      ...cluster?.ofRooms,
      tracing,
      report: (event) => {
        this.#reports.onRoomEvent(event);
      },
    };
    this.#registry = new Registry(context);
    this.#documents = new Documents(this.#registry, context, config);
    this.#redis = createSharedRedis(config, this.log);
    this.#access = createNodeAccess({
      config,
      authorize: parts.authorize ?? null,
      records: this.#store.records,
      redis: this.#redis,
      log: this.log,
      report: (event) => {
        this.#reports.onAccessEvent(event);
      },
    });
    this.#rates = rateLimits(config, this.#redis);
    this.#connections = new Connections({ timers: realTimers, limits: config });
    this.#access.onRevoked(() => {
      this.#connections.checkPasses();
    });
    const origins: OriginPolicy = {
      allowedOrigins: config.allowedOrigins,
      isLoopbackOnly: config.auth === 'loopback',
    };
    this.#gateway = new Gateway({
      durability: this.#durability,
      registry: this.#registry,
      connections: this.#connections,
      access: this.#access,
      rates: this.#rates,
      timers: realTimers,
      limits: config,
      origins,
      observer: this.#reports.gatewayObserver(),
    });
    this.#metrics.watch({
      store: this.#store,
      rooms: this.#registry,
      stats,
      bases,
      connections: this.#connections,
    });
    this.#webhooks =
      config.webhookUrl === null ? null : this.#createWebhooks(parts.webhookSabotage ?? {});
    this.#history = new History({
      documents: this.#documents,
      store: this.#store,
      workers: this.#workers,
      timers: realTimers,
      limits: config,
      random: () => randomBytes(4).readUInt32LE(),
    });
    this.#server = this.#createServer({
      history: this.#history,
      content: new Content({
        documents: this.#documents,
        workers: this.#workers,
        limits: config,
      }),
      streams: new EventStreams({
        connections: this.#connections,
        timers: realTimers,
        limits: config,
      }),
      origins,
    });
  }

  get #durability(): DurabilityOffer {
    return { ack: this.config.ack, canReplicate: this.#fanout !== null };
  }

  /** `http://HOST:PORT`; null before `listen`. */
  get url(): string | null {
    return this.#url;
  }

  /** Of OPERATIONS_PORT; null without one, and before `listen`. */
  get operationsUrl(): string | null {
    const isOpen = this.#operations?.listening === true;
    return this.#operations === null || !isOpen ? null : this.#urlOf(this.#operations);
  }

  /** `ws://HOST:PORT`; a document is at `/<name>` below it. Null before `listen`. */
  get webSocketUrl(): string | null {
    return this.#url?.replace(/^http/, 'ws') ?? null;
  }

  /** Who may do what on this node, for embedding programs: revoking, above all. */
  get access(): AccessControl {
    return this.#access;
  }

  /** The node's documents, for embedding programs. */
  get documents(): Documents {
    return this.#documents;
  }

  /** The node's metrics in Prometheus' text format. */
  async metrics(): Promise<string> {
    return await this.#metrics.text();
  }

  /**
   * Opens the store, then the port. Returns the URL.
   * @throws StoreError `locked`, `refused`: the data folder is in use or in doubt; Error with `code` EADDRINUSE
   */
  async listen(): Promise<string> {
    if (this.#phase !== 'new') throw new Error(`listen() on a node that is ${this.#phase}`);
    this.#phase = 'listening';
    await Promise.all([this.#store.open(), this.#reports.tracing?.start()]);
    try {
      this.#redis?.start();
      await this.#access.start();
      this.#fanout?.start({
        registry: this.#registry,
        store: this.#store,
        access: this.#access,
        snapshots: this.#history.replica,
      });
      await this.#open(this.#server, this.config.port);
      if (this.#operations !== null) {
        await this.#open(this.#operations, this.config.operationsPort ?? 0);
      }
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#connections.start();
    this.#webhooks?.start();
    this.#url = this.#urlOf(this.#server);
    return this.#url;
  }

  async #open(server: Server, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, this.config.host, resolve);
    });
  }

  #urlOf(server: Server): string {
    const { port } = server.address() as AddressInfo;
    const host = this.config.host.includes(':') ? `[${this.config.host}]` : this.config.host;
    return `http://${host}:${port}`;
  }

  /**
   * The graceful end: unready, no new connections, goodbye in waves, everything committed, folder released.
   * Resolves within `drainTimeoutMs` even when the disk hangs; then it says what was not committed.
   */
  async drain(): Promise<void> {
    this.#ending ??= this.#end(DRAIN_SPREAD_MS);
    await this.#ending;
  }

  /** The prompt end: as `drain`, but everybody is disconnected at once. */
  async close(): Promise<void> {
    this.#ending ??= this.#end(0);
    await this.#ending;
  }

  async #end(spreadMs: number): Promise<void> {
    const deadlineMs = realTimers.now() + this.config.drainTimeoutMs;
    const remainingMs = (): number => Math.max(0, deadlineMs - realTimers.now());
    const wasListening = this.#phase === 'listening';
    this.#phase = 'draining';
    this.#connections.startDraining();
    this.#server.close();
    if (wasListening) {
      await this.#connections.closeAll(Math.min(spreadMs, this.config.drainTimeoutMs / 2));
      await withDeadline(this.#registry.close(), remainingMs());
    }
    this.#fanout?.leave();
    // Half of what is left: a receiver that hangs must not take the store's time.
    await this.#webhooks?.stop(remainingMs() / 2);
    // The store waits for what is queued; a disk that hangs would also make it wait for the write in flight.
    await withDeadline(this.#store.close(remainingMs()), remainingMs() + CLOSE_GRACE_MS);
    this.#connections.stop();
    this.#server.closeAllConnections();
    // Last: probes are told `draining` until the end.
    this.#operations?.close();
    this.#operations?.closeAllConnections();
    await this.#workers.close();
    this.#access.close();
    await this.#fanout?.close(remainingMs());
    await this.#reports.tracing?.close(remainingMs());
    this.#redis?.close();
    this.#phase = 'closed';
  }

  #createServer(parts: HttpParts): Server {
    const { config } = this;
    const context: HttpContext = {
      ...parts,
      documents: this.#documents,
      durability: this.#durability,
      access: this.#access,
      rates: this.#rates,
      connections: this.#connections,
      timers: realTimers,
      limits: config,
      metrics: this.#metrics,
      tracing: this.#reports.tracing,
      deadLetters: this.#webhooks?.deadLetters ?? null,
      report: () => this.#report(),
      observer: this.#reports.httpObserver(),
    };
    const hasOperationsPort = config.operationsPort !== null;
    if (hasOperationsPort)
      this.#operations = createHttpServer(createOperationsApp(context), config);
    const server = createHttpServer(createApp(context, { hasOperationsPort }), config);
    server.on('upgrade', (request, socket, head) => {
      this.#gateway.handleUpgrade(request, socket, head);
    });
    return server;
  }

  #report(): NodeReport {
    const store = this.#store;
    return {
      id: this.config.nodeId,
      region: this.config.region,
      startedAtMs: this.#startedAtMs,
      documentsOpen: this.#registry.openCount,
      isDraining: this.#phase === 'draining',
      store: {
        status: store.status,
        error: store.lastError?.code ?? null,
        isDiskFull: store.lastError !== null && isDiskFull(store.lastError),
        queueBytes: store.queue.bytes,
        queueRecords: store.queue.records,
      },
      others: this.#fanout,
    };
  }

  #createWebhooks(sabotage: WebhookSabotage): Webhooks {
    const webhooks = new Webhooks({
      settings: this.config,
      store: this.#store,
      timers: realTimers,
      random: Math.random,
      sabotage,
      observer: this.#reports.webhookObserver(),
    });
    this.#metrics.watchWebhooks(() => ({
      waiting: webhooks.waiting,
      deadLetters: webhooks.deadLetters.count,
    }));
    return webhooks;
  }
}

/** Builds a node; nothing is opened before `listen`. @throws ConfigError */
export function createNode(config: Partial<Config> = {}, parts: NodeParts = {}): Node {
  return new Node(makeConfig(config), parts);
}
