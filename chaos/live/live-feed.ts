/** What the live view shows and may do; the chaos engine implements it. */
import type { Topology } from '../report/run-record.ts';

/** `a-to-b` is what `from` sends. */
export type CutDirection = 'both' | 'a-to-b' | 'b-to-a';

export interface LiveLink {
  readonly id: string;
  readonly state: 'up' | 'cut' | 'degraded';
  readonly cut: CutDirection | null;
  /** Delay, throttle, drop… in a few words. */
  readonly detail: string | null;
  /** Bytes a second that went through lately; null when not counted. */
  readonly bytesPerSecond: number | null;
}

export interface LiveNode {
  readonly id: string;
  readonly state: 'up' | 'down' | 'starting' | 'hung';
  readonly editors: number;
  /** Documents and elements in which it differs from what the most have; null: not known. */
  readonly divergentDocs: number | null;
  readonly divergentElements: number | null;
}

export interface LiveFault {
  readonly id: string;
  readonly name: string;
  readonly target: string;
}

export interface LiveState {
  readonly scenario: string;
  readonly elapsedMs: number;
  /** `baseline`, `load`, `fault`, `quiet`, `check`, `done`… */
  readonly phase: string;
  readonly links: readonly LiveLink[];
  readonly nodes: readonly LiveNode[];
  readonly faults: readonly LiveFault[];
  readonly ops: number;
  readonly acked: number;
  readonly unacked: number;
  readonly ackP50Ms: number | null;
  readonly ackP99Ms: number | null;
}

export interface LiveFeed {
  readonly topology: Topology;
  state(): LiveState;
  /** Called soon after something changed, as often as the engine likes; the page's pace is the view's business. */
  subscribe(listener: () => void): () => void;
  /** @throws when the link is unknown. Resolves when the link is in that state. */
  cut(link: string, direction: CutDirection): Promise<void>;
  heal(link: string): Promise<void>;
}
