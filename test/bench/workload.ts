/** What a workload is: a name, what it prints in `list`, the numbers it yields, and how to run it once. */
import type { Crowd } from './crowd.ts';
import type { NodeStage } from './node-stage.ts';
import type { RunningServer, ServerId } from './servers.ts';

/** What issue and README promise for a number; `null` where it is only shown. */
export type Aim =
  /** Syncline's median divided by the best peer's must not exceed this. */
  | { readonly ratioMax: number }
  /** Syncline's median must be below this, whatever the peers do. */
  | { readonly below: number }
  | null;

export interface Metric {
  readonly key: string;
  readonly label: string;
  readonly unit: string;
  readonly digits: number;
  /** A number can have both kinds of aim. */
  readonly aims: readonly Exclude<Aim, null>[];
}

export interface Outcome {
  readonly values: Readonly<Record<string, number>>;
  /** What was wrong with the run: empty when all edits arrived and all contents are right. */
  readonly faults: readonly string[];
  /** What a reader of the table should know about this run. */
  readonly remarks: readonly string[];
}

/** A run of several nodes, which the workload starts itself. */
export interface NodesRun {
  readonly stage: NodeStage;
  readonly isQuick: boolean;
  readonly say: (phase: string) => void;
}

export interface Run {
  readonly server: RunningServer;
  readonly crowd: Crowd;
  /** True: small counts, to see that everything works. The numbers mean little. */
  readonly isQuick: boolean;
  /** For the progress line. */
  readonly say: (phase: string) => void;
}

interface WorkloadBase {
  readonly name: string;
  /** One paragraph: what is done and what exactly each number means. Lower is better in all of them. */
  readonly summary: string;
  readonly metrics: readonly Metric[];
  /** Servers that this workload can be run on; all without it. */
  readonly servers?: readonly ServerId[];
  /** True: servers run with the inspector, so that their garbage can be collected (`settledMib`). */
  readonly isInspected?: boolean;
}

export type Workload = WorkloadBase &
  (
    | { run(run: Run): Promise<Outcome> }
    /** Of the servers of `servers`. */
    | { runNodes(run: NodesRun): Promise<Outcome> }
  );
