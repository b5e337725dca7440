/** What a run measured, beside its verdicts. Milliseconds. */

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export interface TimeBin {
  readonly atMs: number;
  readonly invoked: number;
  readonly acks: number;
  readonly ackP50: number | null;
  readonly ackP99: number | null;
  readonly visibleP50: number | null;
  readonly visibleP99: number | null;
}

export interface Figures {
  readonly ops: number;
  readonly acksChecked: number;
  /** Never acked, never refused. */
  readonly unknown: number;
  readonly crashes: number;
  readonly faultsProven: number;
  readonly faultsSkipped: number;
  /** Lost acks, and the upper bound of their rate per crash at 95% when there are none (rule of three); null without crashes. */
  readonly lossRateMax: number | null;
  readonly ackLatency: Readonly<Record<string, Percentiles>>;
  /** From the ack to sight on every node. */
  readonly ackToVisible: Percentiles | null;
  /** From the first quiet to equal states, by document the slowest; null when it was never seen. */
  readonly convergeMs: number | null;
  readonly bins: readonly TimeBin[];
}
