/**
 * A reader that looks at what it gets: it decodes each update as it arrives and notes how long ago the edits
 * in it were sent. A server may put several edits into one update; each of them counts. Edits that only
 * delete advance no clock and are not timed (about three in ten); that they arrive is checked at the end,
 * by the text.
 */
import * as Y from 'yjs';
import { BenchClient, type Target } from './bench-client.ts';
import { bodyAt } from './dialects.ts';

/** When which insertion of a writer was sent. */
export class SendLog {
  readonly clocks: number[] = [];
  readonly sentAtMs: number[] = [];

  note(clockAfter: number): void {
    this.clocks.push(clockAfter);
    this.sentAtMs.push(performance.now());
  }
}

export class Probe {
  readonly latenciesMs: number[] = [];
  readonly #logs: ReadonlyMap<number, SendLog>;
  readonly #seen = new Map<number, number>();
  readonly #kept: Uint8Array[] = [];
  /** Edits noted in a log before this moment are the warm-up's. */
  #measuredFromMs = Number.POSITIVE_INFINITY;
  client: BenchClient | null = null;

  private constructor(logs: ReadonlyMap<number, SendLog>) {
    this.#logs = logs;
  }

  /** `logs` holds, by client id, what the writers of this document send. */
  static async open(
    target: Target,
    document: string,
    logs: ReadonlyMap<number, SendLog>,
    onLost: (reason: string) => void,
  ): Promise<Probe> {
    const probe = new Probe(logs);
    probe.client = await BenchClient.open({
      target,
      document,
      onLost,
      onSync: (frame, at) => probe.#receive(Uint8Array.from(bodyAt(frame, at))),
    });
    return probe;
  }

  startMeasuring(): void {
    this.#measuredFromMs = performance.now();
  }

  /** True when every insertion sent so far has arrived here. */
  hasAll(): boolean {
    return [...this.#logs].every(([id, log]) => (this.#seen.get(id) ?? 0) === log.clocks.length);
  }

  text(): string {
    const doc = new Y.Doc();
    for (const update of this.#kept) Y.applyUpdate(doc, update);
    return doc.getText('text').toJSON();
  }

  #receive(update: Uint8Array): void {
    const nowMs = performance.now();
    this.#kept.push(update);
    for (const struct of Y.decodeUpdate(update).structs) {
      const log = this.#logs.get(struct.id.client);
      if (log === undefined) continue;
      const end = struct.id.clock + struct.length;
      let seen = this.#seen.get(struct.id.client) ?? 0;
      for (; (log.clocks[seen] ?? Number.POSITIVE_INFINITY) <= end; seen++) {
        const sentAtMs = log.sentAtMs[seen] ?? 0;
        if (sentAtMs >= this.#measuredFromMs) this.latenciesMs.push(nowMs - sentAtMs);
      }
      this.#seen.set(struct.id.client, seen);
    }
  }
}
