/** How long acks take: from the moment a change is reported (SyncStatus 102) to its echo. */

interface Report {
  readonly version: number;
  readonly atMs: number;
}

/** While a disk is stuck, reports go on; the oldest ones say all there is to know. */
const REPORTS_MAX = 1_000;

export class AckClock {
  #reports: Report[] = [];

  reported(version: number, nowMs: number): void {
    if (this.#reports.length < REPORTS_MAX) this.#reports.push({ version, atMs: nowMs });
  }

  /** Milliseconds since the oldest report that this ack answers; null when it answers none. */
  acked(version: number, nowMs: number): number | null {
    const oldest = this.#reports[0];
    if (oldest === undefined || oldest.version > version) return null;
    this.#reports = this.#reports.filter((report) => report.version > version);
    return nowMs - oldest.atMs;
  }

  /** The connection is gone; nothing of it is answered any more. */
  reset(): void {
    this.#reports = [];
  }
}
