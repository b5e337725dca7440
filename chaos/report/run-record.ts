/** What a run leaves behind beside its history: the engine writes it, the report and RESULTS.md are made from it. */
import type { Figures } from '../checker/figures.ts';
import type { Verdict } from '../checker/verdict.ts';

export interface TopologyNode {
  readonly id: string;
  readonly region: string;
}

/** One direction-aware connection that can be cut: a node to a Redis, editors to a node. */
export interface TopologyLink {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly kind: 'redis' | 'client' | 'http';
}

export interface Topology {
  readonly regions: readonly string[];
  readonly nodes: readonly TopologyNode[];
  /** Redis servers. */
  readonly redises: readonly TopologyNode[];
  readonly links: readonly TopologyLink[];
}

export interface FaultRecord {
  readonly id: string;
  readonly name: string;
  /** Ids of nodes, links, Redis servers. */
  readonly targets: readonly string[];
  /** Since the run's start. */
  readonly fromMs: number;
  readonly toMs: number | null;
  readonly status: 'injected' | 'skipped';
  /** How we know that it happened. */
  readonly proof: string | null;
  /** Why it was skipped. */
  readonly reason: string | null;
}

/** Once a second or so, for each node. */
export interface Sample {
  readonly atMs: number;
  readonly node: string;
  /** How many of the documents differ from what the most have at this moment, and by how many elements in all; null: unreachable. */
  readonly divergentDocs: number | null;
  readonly divergentElements: number | null;
  readonly rssBytes?: number;
  readonly eventLoopLagMs?: number;
  readonly antientropyRounds?: number;
}

export interface RunRecord {
  readonly scenario: string;
  /** What it does, in a line. */
  readonly title?: string;
  readonly seed: number;
  /** What to type to see it again. */
  readonly command: string;
  readonly machine: {
    readonly cpus: number;
    readonly cpuModel: string;
    readonly memoryBytes: number;
    readonly os: string;
    readonly node: string;
  };
  /** ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly topology: Topology;
  readonly editors: number;
  readonly documents: number;
  readonly faults: readonly FaultRecord[];
  /** Beside the report; a file name. */
  readonly historyFile: string;
  /** `mono` of the history at the run's start: charts count from there. */
  readonly startedMono: number;
  readonly samples: readonly Sample[];
  readonly verdicts: readonly Verdict[];
  readonly figures: Figures;
}
