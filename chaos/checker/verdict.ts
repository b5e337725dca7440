/** What the checker says about one invariant, and what it may take for granted about a run. */

/** K0 to K20, and what a scenario promises besides: by the row of the matrix. */
export type InvariantId = `K${number}` | `F${number}`;

export interface Evidence {
  /** One line for people: what, where, when. */
  readonly text: string;
  readonly op?: string;
  readonly doc?: string;
  readonly node?: string;
  readonly level?: string;
  readonly mono?: number;
  /** The fault that was nearest in time, and how far away it was (0: during it). */
  readonly nearestFault?: {
    readonly id: string;
    readonly name: string;
    readonly distanceMs: number;
  };
}

export interface Verdict {
  readonly id: InvariantId;
  readonly name: string;
  /** `skipped`: the history lacks what this needs; never a pass. */
  readonly status: 'passed' | 'failed' | 'skipped';
  /** Of a skip: what is missing. */
  readonly reason?: string;
  /** Violations, the first EVIDENCE_MAX of them. */
  readonly evidence: readonly Evidence[];
  /** How many there are in all. */
  readonly violations: number;
  /** What was looked at: `acks`, `reads`, `crashes`… A pass over nothing is not a pass. */
  readonly counts: Readonly<Record<string, number>>;
  /** Things worth reading that break nothing. */
  readonly notes?: readonly string[];
}

export interface Expectations {
  /** K5: from the quiet to equal. */
  readonly convergeMsMax: number;
  /** K12: how long a local ack, and sight on the same node, may take while only the bus is broken. */
  readonly availableMsMax: number;
  /** K9: how long a stored document may take to open. */
  readonly openMsMax: number;
  /** K16: of p99 in neighbours' documents, against before `baseline-end`. */
  readonly neighbourSlowdownMax: number;
  /** K16: documents that nobody attacks. Without any only contents are compared. */
  readonly neighbours: readonly string[];
  /** K17: growth over the baseline. */
  readonly resourceGrowthMax: number;
  /** K18: clocks may differ by this; a revocation may take this long. */
  readonly clockSkewMsMax: number;
  readonly revocationMsMax: number;
  /** K19. */
  readonly ghostMsMax: number;
  readonly presenceMsMax: number;
  /** K1: does every node hold everything (REPLICATION=full), or only the node that acked and those that read it? */
  readonly isFullyReplicated: boolean;
}

export const DEFAULT_EXPECTATIONS: Expectations = {
  convergeMsMax: 5_000,
  availableMsMax: 1_000,
  openMsMax: 5_000,
  neighbourSlowdownMax: 1.2,
  neighbours: [],
  resourceGrowthMax: 0.05,
  clockSkewMsMax: 5_000,
  revocationMsMax: 5_000,
  ghostMsMax: 35_000,
  presenceMsMax: 5_000,
  isFullyReplicated: true,
};
