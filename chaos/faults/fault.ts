/**
 * A fault is data: its row of the matrix, what it touches, and how it is made, ended and proved. One that leaves no proof did
 * not happen, and the run that relied on it is void; one that this machine cannot make is skipped, and says why.
 */
import type { FaultScope } from '../history/events.ts';

export interface Fault {
  /** F01 … F83. */
  readonly id: string;
  readonly name: string;
  readonly scope: FaultScope;
  /** Ids of nodes, links, Redis servers. */
  readonly targets: readonly string[];
  /** Why it can't be made here; null: it can. */
  readonly obstacle?: string | null;
  inject(): Promise<void>;
  /** Ends it; what it did stays done. */
  heal(): Promise<void>;
  /** Null: nothing shows that it happened. Asked before it is healed and, if there was nothing yet, after. */
  prove(): string | null | Promise<string | null>;
}
