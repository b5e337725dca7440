/** What one invariant collects on its way to a verdict. */
import type { HistoryIndex } from './history-index.ts';
import type { Evidence, Expectations, InvariantId, Verdict } from './verdict.ts';

/** More of the same kind help nobody. */
const EVIDENCE_MAX = 20;

export interface Invariant {
  readonly id: InvariantId;
  readonly name: string;
  /** Of its counts: the one that must not be zero for a pass, and what to say when it is. */
  readonly over: string;
  readonly lacking: string;
  check(index: HistoryIndex, findings: Findings, expectations: Expectations): void;
}

export class Findings {
  readonly #index: HistoryIndex;
  readonly #evidence: Evidence[] = [];
  readonly #counts: Record<string, number> = {};
  readonly #notes: string[] = [];
  #violations = 0;
  #skipReason: string | null = null;

  constructor(index: HistoryIndex) {
    this.#index = index;
  }

  violation(text: string, where: Omit<Evidence, 'text' | 'nearestFault'> = {}): void {
    this.#violations += 1;
    if (this.#evidence.length >= EVIDENCE_MAX) return;
    const fault = where.mono === undefined ? null : this.#nearestFault(where.mono);
    this.#evidence.push({ text, ...where, ...(fault === null ? {} : { nearestFault: fault }) });
  }

  count(name: string, by: number = 1): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + by;
  }

  note(text: string): void {
    if (!this.#notes.includes(text)) this.#notes.push(text);
  }

  /** What was seen to be wrong stays wrong; a skip only takes the place of a pass. */
  skip(reason: string): void {
    this.#skipReason ??= reason;
  }

  verdict({ id, name, over, lacking }: Invariant): Verdict {
    const reason = this.#skipReason ?? ((this.#counts[over] ?? 0) === 0 ? lacking : null);
    const status = this.#violations > 0 ? 'failed' : reason === null ? 'passed' : 'skipped';
    return {
      id,
      name,
      status,
      ...(status === 'skipped' && reason !== null ? { reason } : {}),
      evidence: this.#evidence,
      violations: this.#violations,
      counts: this.#counts,
      ...(this.#notes.length > 0 ? { notes: this.#notes } : {}),
    };
  }

  #nearestFault(mono: number): NonNullable<Evidence['nearestFault']> | null {
    let nearest: NonNullable<Evidence['nearestFault']> | null = null;
    for (const { id, name, fromMono, toMono } of this.#index.faults) {
      const distanceMs = Math.round(Math.max(0, fromMono - mono, mono - toMono));
      if (nearest === null || distanceMs < nearest.distanceMs) nearest = { id, name, distanceMs };
    }
    return nearest;
  }
}
