/**
 * How often a node may be asked about a document: once a second, and after each time that it brought nothing half as
 * often, down to every 30 s; what is lost is asked for again sooner. Forgotten when the two agree, or when a link comes up and
 * everything may be different.
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { Timers } from '../rooms/timers.ts';

/** A little more than the other one waits between its answers. */
const INTERVAL_MS = 1_100;
const INTERVAL_MS_MAX = 30_000;
/** After silence: a link that loses half of all messages has to heal within seconds too. */
const SILENT_INTERVAL_MS_MAX = 2_200;
const PACES_MAX = 50_000;

interface Step {
  askedMs: number;
  intervalMs: number;
}

export class Pace {
  readonly #timers: Timers;
  readonly #steps = new Map<string, Step>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Milliseconds until the node may be asked; 0: now. */
  waitMs(document: DocumentName, node: string): number {
    const step = this.#steps.get(keyOf(document, node));
    return step === undefined
      ? 0
      : Math.max(0, step.askedMs + step.intervalMs - this.#timers.now());
  }

  /** How far questions are apart by now. */
  #intervalMs(document: DocumentName, node: string): number {
    return this.#steps.get(keyOf(document, node))?.intervalMs ?? INTERVAL_MS;
  }

  asked(document: DocumentName, node: string): void {
    const key = keyOf(document, node);
    const intervalMs = this.#intervalMs(document, node);
    this.#steps.delete(key);
    this.#steps.set(key, { askedMs: this.#timers.now(), intervalMs });
    const oldest = this.#steps.keys().next().value;
    if (this.#steps.size > PACES_MAX && oldest !== undefined) this.#steps.delete(oldest);
  }

  answered(document: DocumentName, node: string, isUseful: boolean): void {
    const step = this.#steps.get(keyOf(document, node));
    if (step === undefined) return;
    step.intervalMs = isUseful ? INTERVAL_MS : Math.min(INTERVAL_MS_MAX, step.intervalMs * 2);
  }

  /** Nothing came: the question or its answer is lost, or slow. */
  silent(document: DocumentName, node: string): void {
    const step = this.#steps.get(keyOf(document, node));
    if (step === undefined || step.intervalMs >= SILENT_INTERVAL_MS_MAX) return;
    step.intervalMs = Math.min(SILENT_INTERVAL_MS_MAX, step.intervalMs * 2);
  }

  agreed(document: DocumentName, node: string): void {
    const step = this.#steps.get(keyOf(document, node));
    if (step !== undefined) step.intervalMs = INTERVAL_MS;
  }

  /** Everybody may be asked once a second again. */
  reset(): void {
    for (const step of this.#steps.values()) step.intervalMs = INTERVAL_MS;
  }
}

function keyOf(document: DocumentName, node: string): string {
  return `${node} ${document}`;
}
