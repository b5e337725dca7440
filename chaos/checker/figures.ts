/** What a run measured, beside its verdicts. Milliseconds; `mono` is the history's clock. */
import type { MarkEvent, NodeEvent } from '../history/events.ts';

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export interface TimeBin {
  /** Its beginning. */
  readonly mono: number;
  readonly invoked: number;
  readonly acks: number;
  readonly ackP50: number | null;
  readonly ackP99: number | null;
  readonly visibleP50: number | null;
  readonly visibleP99: number | null;
}

export interface Figures {
  readonly ops: number;
  /** Operations that were acked, which K1 and K2 hold against the end. */
  readonly acksChecked: number;
  /** Never acked, never refused. */
  readonly unknown: number;
  readonly crashes: number;
  readonly faultsProven: number;
  readonly faultsSkipped: number;
  /** What a run without a loss proves: losses per crash are rarer, at 95% (rule of three). Null without crashes. */
  readonly lossRateMax: number | null;
  readonly ackLatency: Readonly<Record<string, Percentiles>>;
  /** From the ack to sight on every node. */
  readonly ackToVisible: Percentiles | null;
  /** Acked additions that some watching node never showed (deleted before, or the run ended). */
  readonly neverVisible: number;
  /** From the heal to equal states, the slowest document; null when nobody watched, or one never became equal. */
  readonly convergeMs: number | null;
  readonly bins: readonly TimeBin[];
  /** For the timeline: what the driver did, and how nodes fared. */
  readonly marks: readonly { readonly name: MarkEvent['name']; readonly mono: number }[];
  readonly nodeEvents: readonly {
    readonly node: string;
    readonly type: NodeEvent['type'];
    readonly mono: number;
  }[];
}
