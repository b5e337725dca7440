/** Looks at every node once a second: what it uses, and how far it is from the others. */
import type { Fleet } from '../editors/fleet.ts';
import type { Report } from '../editors/orders.ts';
import type { ResourcesEvent } from '../history/events.ts';
import type { HistoryRecorder } from '../history/recorder.ts';
import type { Sample } from '../report/run-record.ts';
import { mono } from './clock.ts';
import { divergenceOf } from './divergence.ts';
import { readMetrics, type NodeAddress } from './observer.ts';

const SAMPLE_MS = 1_000;
/** Of Node's histogram of delays. */
const LAG_RESOLUTION_MS = 10;

export interface SamplerOptions {
  readonly nodes: readonly NodeAddress[];
  readonly fleet: Fleet;
  readonly recorder: HistoryRecorder;
  readonly startedMono: number;
  readonly onReport: (report: Report) => void;
}

export class Sampler {
  readonly samples: Sample[] = [];
  readonly #options: SamplerOptions;
  #timer: NodeJS.Timeout | null = null;
  #isBusy = false;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#sample('baseline');
    this.#timer = setInterval(() => void this.#sample('running'), SAMPLE_MS);
  }

  /** Resources of these nodes, now. */
  async take(phase: 'baseline' | 'after', nodes: readonly NodeAddress[]): Promise<void> {
    await Promise.all(
      nodes.map(async (at) => {
        const metrics = await readMetrics(at);
        if (metrics !== null && metrics.size > 0) this.#record(at.node, phase, metrics);
      }),
    );
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #sample(phase: 'baseline' | 'running'): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      await this.#sampleAll(phase);
    } catch {
      // Editors that are being destroyed answer no more.
    } finally {
      this.#isBusy = false;
    }
  }

  async #sampleAll(phase: 'baseline' | 'running'): Promise<void> {
    const { nodes, fleet, onReport } = this.#options;
    const report = await fleet.report(false);
    const divergence = divergenceOf(report.looks);
    await Promise.all(
      nodes.map(async (at) => {
        await this.#sampleNode(at, phase, divergence.get(at.node) ?? { docs: 0, elements: 0 });
      }),
    );
    onReport(report);
  }

  async #sampleNode(
    at: NodeAddress,
    phase: ResourcesEvent['phase'],
    { docs, elements }: { readonly docs: number; readonly elements: number },
  ): Promise<void> {
    const { node } = at;
    const metrics = await readMetrics(at);
    const atMs = mono() - this.#options.startedMono;
    if (metrics === null) {
      this.samples.push({ atMs, node, divergentDocs: null, divergentElements: null });
      return;
    }
    const divergence = { divergentDocs: docs, divergentElements: elements };
    if (metrics.size === 0) {
      this.samples.push({ atMs, node, ...divergence });
      return;
    }
    const value = (name: string): number => metrics.get(name) ?? 0;
    this.samples.push({
      atMs,
      node,
      ...divergence,
      rssBytes: value('process_resident_memory_bytes'),
      eventLoopLagMs: eventLoopLagMs(metrics),
      antientropyRounds: value('antientropy_rounds_total'),
    });
    this.#record(node, phase, metrics);
  }

  #record(
    node: string,
    phase: ResourcesEvent['phase'],
    metrics: ReadonlyMap<string, number>,
  ): void {
    const value = (name: string): number => metrics.get(name) ?? 0;
    // Editors move between nodes: how many are on one says nothing of what it keeps.
    const clients = value('connections');
    this.#options.recorder.record('driver', {
      f: 'resources',
      node,
      phase,
      gauges: {
        rssBytes: value('process_resident_memory_bytes'),
        fdsBesidesClients: value('process_open_fds') - clients,
        handlesBesidesClients: value('nodejs_active_handles_total') - clients,
        documentsOpen: value('documents_open'),
        redisQueueBytes: value('bus_queue_bytes'),
        pendingBytes: value('commit_queue_bytes'),
      },
      counters: {
        antientropyRounds: value('antientropy_rounds_total'),
        ackedRegressions: value('acked_regression_total'),
      },
    });
  }
}

/** Over what an idle node shows: Node looks every 10 ms, and counts the wait between two looks as well. */
export function eventLoopLagMs(metrics: ReadonlyMap<string, number>): number {
  const p99Ms = (metrics.get('nodejs_eventloop_lag_p99_seconds') ?? 0) * 1_000;
  return Math.max(0, p99Ms - LAG_RESOLUTION_MS);
}
