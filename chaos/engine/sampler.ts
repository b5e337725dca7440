/** Looks at every node once a second: what it uses, and how far it is from the others. */
import type { Fleet } from '../editors/fleet.ts';
import type { Report } from '../editors/orders.ts';
import type { HistoryRecorder } from '../history/recorder.ts';
import type { Sample } from '../report/run-record.ts';
import { mono } from './clock.ts';
import { divergenceOf } from './divergence.ts';
import { readMetrics, type NodeAddress } from './observer.ts';

const SAMPLE_MS = 1_000;

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
    { node, url }: NodeAddress,
    phase: 'baseline' | 'running',
    { docs, elements }: { readonly docs: number; readonly elements: number },
  ): Promise<void> {
    const { recorder, startedMono } = this.#options;
    const metrics = await readMetrics(url);
    const atMs = mono() - startedMono;
    if (metrics === null) {
      this.samples.push({ atMs, node, divergentDocs: null, divergentElements: null });
      return;
    }
    const value = (name: string): number => metrics.get(name) ?? 0;
    const antientropyRounds = value('antientropy_rounds_total');
    const rssBytes = value('process_resident_memory_bytes');
    this.samples.push({
      atMs,
      node,
      divergentDocs: docs,
      divergentElements: elements,
      rssBytes,
      eventLoopLagMs: value('nodejs_eventloop_lag_p99_seconds') * 1_000,
      antientropyRounds,
    });
    recorder.record('driver', {
      f: 'resources',
      node,
      phase,
      gauges: {
        rssBytes,
        fds: value('process_open_fds'),
        handles: value('nodejs_active_handles_total'),
        redisQueueBytes: value('bus_queue_bytes'),
        pendingBytes: value('commit_queue_bytes'),
      },
      counters: { antientropyRounds, ackedRegressions: value('acked_regression_total') },
    });
  }
}
