/** The faults of a run: made, proved, healed, skipped, and written down. */
import type { Fault } from '../faults/fault.ts';
import type { FaultEvent } from '../history/events.ts';
import type { HistoryRecorder } from '../history/recorder.ts';
import type { FaultRecord } from '../report/run-record.ts';
import { holdsWithin, mono } from './clock.ts';

/** What a fault did may show only when it is over. */
const LATE_PROOF_MS = 3_000;

interface Injection {
  readonly fault: Fault;
  readonly fromMono: number;
  toMono: number | null;
  proof: string | null;
}

export class FaultLog {
  readonly #recorder: HistoryRecorder;
  readonly #startedMono: number;
  readonly #say: (line: string) => void;
  readonly #injections: Injection[] = [];
  readonly #skipped: Fault[] = [];

  constructor(recorder: HistoryRecorder, startedMono: number, say: (line: string) => void) {
    this.#recorder = recorder;
    this.#startedMono = startedMono;
    this.#say = say;
  }

  get underWay(): readonly Fault[] {
    return this.#injections.filter(({ toMono }) => toMono === null).map(({ fault }) => fault);
  }

  /** Faults that left no proof: the run says nothing. */
  get unproven(): readonly Fault[] {
    return this.#injections.filter(({ proof }) => proof === null).map(({ fault }) => fault);
  }

  get isAllSkipped(): boolean {
    return this.#skipped.length > 0 && this.#injections.length === 0;
  }

  get records(): FaultRecord[] {
    const injected = this.#injections.map(({ fault, fromMono, toMono, proof }): FaultRecord => ({
      id: fault.id,
      name: fault.name,
      targets: fault.targets,
      fromMs: fromMono - this.#startedMono,
      toMs: toMono === null ? null : toMono - this.#startedMono,
      status: 'injected',
      proof,
      reason: null,
    }));
    const skipped = this.#skipped.map(({ id, name, targets, obstacle }): FaultRecord => ({
      id,
      name,
      targets,
      fromMs: 0,
      toMs: null,
      status: 'skipped',
      proof: null,
      reason: obstacle ?? null,
    }));
    return [...injected, ...skipped];
  }

  async inject(fault: Fault): Promise<void> {
    const { id, name, obstacle = null } = fault;
    if (obstacle !== null) {
      this.#skipped.push(fault);
      this.#tell(fault, { type: 'skipped', reason: obstacle });
      this.#say(`SKIPPED ${id} ${name}: ${obstacle}`);
      return;
    }
    this.#say(`${id} ${name}: ${shortened(fault.targets)}`);
    this.#tell(fault, { type: 'begin' });
    const injection: Injection = { fault, fromMono: mono(), toMono: null, proof: null };
    this.#injections.push(injection);
    await fault.inject();
  }

  async heal(fault: Fault): Promise<void> {
    const injection = this.#injections.find(
      (candidate) => candidate.fault === fault && candidate.toMono === null,
    );
    if (injection === undefined) return;
    await this.#prove(injection);
    await fault.heal();
    injection.toMono = mono();
    this.#tell(fault, { type: 'healed' });
    if (injection.proof !== null) return;
    await holdsWithin(LATE_PROOF_MS, async () => await this.#prove(injection));
    if (this.unproven.includes(fault))
      this.#say(`NO PROOF that ${fault.id} ${fault.name} happened`);
  }

  async #prove(injection: Injection): Promise<boolean> {
    const { fault } = injection;
    const proof = await fault.prove();
    if (proof === null) return false;
    injection.proof = proof;
    this.#tell(fault, { type: 'proved', proof });
    this.#say(`${fault.id} proved: ${proof}`);
    return true;
  }

  #tell(
    { id, name, scope, targets }: Fault,
    what: Pick<FaultEvent, 'type' | 'proof' | 'reason'>,
  ): void {
    this.#recorder.record('driver', {
      f: 'fault',
      id,
      name,
      scope,
      target: targets.join(', '),
      ...what,
    });
  }
}

function shortened(targets: readonly string[]): string {
  const [first, second, ...others] = targets;
  if (others.length === 0) return targets.join(', ');
  return `${first}, ${second} and ${others.length} more`;
}
