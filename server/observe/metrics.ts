/**
 * Metrics of one node, in its own Prometheus registry: several nodes may live in one process. The hot path
 * counts in plain numbers; they are read here when somebody scrapes.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { DocumentStore } from '../../persistence/store.ts';
import type { Connections } from '../connections/connections.ts';
import type { BaseCache } from '../rooms/base-cache.ts';
import type { RoomStats } from '../rooms/context.ts';
import type { Registry as RoomRegistry } from '../rooms/registry.ts';
import { watchFanout, type WatchedCluster } from './fanout-metrics.ts';

export interface MetricSources {
  readonly store: DocumentStore;
  readonly rooms: RoomRegistry;
  readonly stats: RoomStats;
  readonly bases: BaseCache;
  readonly connections: Connections;
}

/** Batches on a healthy disk take 0.1–20 ms; the rest of the scale is for disks that are not. */
const COMMIT_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5];
/** A local ack takes a commit or two, a replicated one a round trip to another region more. */
const ACK_SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];
const REQUEST_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10, 60];
const COMMIT_RECORDS = [1, 2, 5, 10, 25, 50, 100, 250, 512];

export class Metrics {
  readonly #registry = new Registry();
  readonly #handshakesRefused: Counter<'reason'>;
  readonly #closes: Counter<'code'>;
  readonly #tokensRefused: Counter<'reason'>;
  readonly #updatesRefused: Counter<'reason'>;
  readonly #commitSeconds: Histogram;
  readonly #commitRecords: Histogram;
  readonly #ackSeconds: Histogram<'level'>;
  readonly #storeErrors: Counter<'code'>;
  readonly #recoveries: Counter;
  readonly #webhookAttempts: Counter<'result'>;
  readonly #requests: Counter<'route' | 'method' | 'status'>;
  readonly #requestSeconds: Histogram<'route'>;
  readonly #problems: Counter<'type'>;
  readonly #spans: Counter<'result'>;

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#handshakesRefused = new Counter({
      name: 'ws_handshake_rejected_total',
      help: 'WebSocket upgrades refused',
      labelNames: ['reason'],
      registers,
    });
    this.#closes = new Counter({
      name: 'ws_close_total',
      help: 'WebSocket connections closed',
      labelNames: ['code'],
      registers,
    });
    this.#tokensRefused = new Counter({
      name: 'auth_rejected_total',
      help: 'Tokens refused',
      labelNames: ['reason'],
      registers,
    });
    this.#updatesRefused = new Counter({
      name: 'update_rejected_total',
      help: 'Updates refused by the check, the size limit or the referee',
      labelNames: ['reason'],
      registers,
    });
    this.#commitSeconds = new Histogram({
      name: 'commit_duration_seconds',
      help: 'Time of one group commit, synced',
      buckets: COMMIT_SECONDS,
      registers,
    });
    this.#commitRecords = new Histogram({
      name: 'commit_records',
      help: 'Records in one group commit',
      buckets: COMMIT_RECORDS,
      registers,
    });
    this.#ackSeconds = new Histogram({
      name: 'ack_duration_seconds',
      help: 'From the request of an ack to the ack; of requests that one ack answers, the oldest',
      labelNames: ['level'],
      buckets: ACK_SECONDS,
      registers,
    });
    this.#storeErrors = new Counter({
      name: 'store_error_total',
      help: 'Write and read errors of the store',
      labelNames: ['code'],
      registers,
    });
    this.#webhookAttempts = new Counter({
      name: 'webhook_deliveries_total',
      help: 'Attempts to tell WEBHOOK_URL of an event: delivered, retried, or dead',
      labelNames: ['result'],
      registers,
    });
    this.#recoveries = new Counter({
      name: 'store_recovered_total',
      help: 'Times that the store was reopened after an error and wrote everything again',
      registers,
    });
    this.#requests = new Counter({
      name: 'http_requests_total',
      help: 'HTTP requests answered',
      labelNames: ['route', 'method', 'status'],
      registers,
    });
    this.#requestSeconds = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'From the headers of a request to the end of its answer',
      labelNames: ['route'],
      buckets: REQUEST_SECONDS,
      registers,
    });
    this.#problems = new Counter({
      name: 'http_problem_total',
      help: 'HTTP requests answered with a problem',
      labelNames: ['type'],
      registers,
    });
    this.#spans = new Counter({
      name: 'trace_spans_total',
      help: 'Spans handed to the collector of traces',
      labelNames: ['result'],
      registers,
    });
  }

  webhookAttempted(result: string): void {
    this.#webhookAttempts.inc({ result });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    return await this.#registry.metrics();
  }

  handshakeRefused(reason: string): void {
    this.#handshakesRefused.inc({ reason });
  }

  closed(code: number): void {
    this.#closes.inc({ code: String(code) });
  }

  tokenRefused(reason: string): void {
    this.#tokensRefused.inc({ reason });
  }

  updateRefused(reason: string): void {
    this.#updatesRefused.inc({ reason });
  }

  committed(records: number, durationMs: number): void {
    this.#commitSeconds.observe(durationMs / 1000);
    this.#commitRecords.observe(records);
  }

  storeFailed(code: string): void {
    this.#storeErrors.inc({ code });
  }

  /** `route` is a template of the API, so that labels stay few. */
  spansExported(spans: number, result: 'sent' | 'failed'): void {
    this.#spans.inc({ result }, spans);
  }

  requestAnswered(request: {
    readonly route: string;
    readonly method: string;
    readonly status: number;
    readonly problem: string | null;
    readonly durationMs: number;
  }): void {
    const { route, method, status, problem, durationMs } = request;
    this.#requests.inc({ route, method, status: String(status) });
    this.#requestSeconds.observe({ route }, durationMs / 1000);
    if (problem !== null) this.#problems.inc({ type: problem });
  }

  storeRecovered(): void {
    this.#recoveries.inc();
  }

  /** Only on nodes with a WEBHOOK_URL. */
  watchWebhooks(counts: () => { readonly waiting: number; readonly deadLetters: number }): void {
    this.#gauge('webhook_backlog', 'Events in memory that WEBHOOK_URL has not taken', () => {
      return counts().waiting;
    });
    this.#gauge('webhook_dead_letters', 'Events that were given up', () => counts().deadLetters);
  }

  /** Only on nodes that have others. */
  watchFanout(cluster: WatchedCluster): void {
    watchFanout(this.#registry, cluster);
  }

  /** Connects the numbers that others keep. */
  watch(sources: MetricSources): void {
    const { store, rooms, stats, bases, connections } = sources;
    stats.onAck = (level, waitedMs) => {
      this.#ackSeconds.observe({ level }, waitedMs / 1000);
    };
    this.#gauge(
      'connections',
      'Open WebSocket connections and event streams',
      () => connections.count,
    );
    this.#gauge('documents_open', 'Documents open on this node', () => rooms.openCount);
    this.#gauge('store_writable', '1 while writes become durable', () =>
      store.status === 'open' ? 1 : 0,
    );
    this.#gauge('change_log_bytes', 'What webhooks have still to tell, on disk', () => {
      return store.changes.bytes;
    });
    this.#gauge('commit_queue_bytes', 'Bytes waiting for the disk', () => store.queue.bytes);
    this.#gauge('commit_queue_records', 'Updates waiting for the disk', () => store.queue.records);
    this.#gauge('base_cache_bytes', 'Compacted documents in memory', () => bases.bytes);
    this.#count('updates_accepted_total', 'New updates', () => stats.accepted);
    this.#count('updates_redundant_total', 'Updates with nothing new', () => stats.redundant);
    this.#count('updates_gap_total', 'Updates that build on something missing', () => stats.gap);
    this.#count(
      'updates_foreign_total',
      'Updates with the client id of another connected user',
      () => stats.foreign,
    );
    this.#count('updates_tried_total', 'Updates tried in a worker first', () => stats.trials);
    this.#count('flushes_total', 'Frames made from one or more updates', () => stats.flushes);
    this.#count('deliveries_total', 'Update frames × receivers', () => stats.deliveries);
    this.#count('joins_total', 'Sessions that entered a room', () => stats.joins);
    this.#count('slow_consumers_total', 'Sessions that fell behind', () => stats.lagging);
    this.#count('compactions_total', 'Compactions', () => stats.compactions);
    this.#count('compactions_failed_total', 'Failed ones', () => stats.compactionFailures);
    this.#count('updates_quarantined_total', 'Updates set aside', () => stats.quarantined);
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }

  #count(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }
}
