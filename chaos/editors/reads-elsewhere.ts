/**
 * K8: now and then, when something was acked to an editor, it reads its document on another node than its own and says what
 * that must show. One read at a time; it ends by itself, because a node that lags answers 503 after two seconds.
 */
import { readByRest } from '../engine/observer.ts';
import type { ReadEvent } from '../history/events.ts';
import type { Random } from '../random.ts';
import type { AckedVersion } from './acked-version.ts';
import type { EditorPlan, Place } from './orders.ts';

/** Of acks: a read loads the whole document, here and there. */
const READ_ONE_IN = 20;

export interface ReadsElsewhereOptions {
  readonly plan: EditorPlan;
  readonly places: readonly Place[];
  readonly acked: AckedVersion;
  /** Its own: when acks come is not left to the seed, and must not change what is typed. */
  readonly random: Random;
  readonly onRead: (fact: ReadEvent) => void;
}

export class ReadsElsewhere {
  readonly #options: ReadsElsewhereOptions;
  #underWay: AbortController | null = null;
  #isAllowed = true;

  constructor(options: ReadsElsewhereOptions) {
    this.#options = options;
  }

  get isUnderWay(): boolean {
    return this.#underWay !== null;
  }

  /** No new ones: a waiting read makes its node ask others, and in the quiet nobody may help. */
  rest(): void {
    this.#isAllowed = false;
  }

  end(): void {
    this.rest();
    this.#underWay?.abort();
  }

  /** `node`: where it is now. */
  onAck(node: string, token: string | null): void {
    const { places, random, acked } = this.#options;
    if (!this.#isAllowed || !random.oneIn(READ_ONE_IN) || this.isUnderWay) return;
    const others = places.filter((place) => place.node !== node);
    const headers = acked.headers();
    if (others.length === 0 || headers === null) return;
    void this.#read({ ...random.pick(others), token }, headers);
  }

  async #read(at: Place, headers: Readonly<Record<string, string>>): Promise<void> {
    const { plan, onRead } = this.#options;
    const { session, doc } = plan;
    const underWay = new AbortController();
    this.#underWay = underWay;
    const fact = await readByRest({
      at,
      doc,
      phase: 'running',
      isolated: false,
      behalf: { session, headers, signal: underWay.signal },
    });
    this.#underWay = null;
    if (!underWay.signal.aborted) onRead(fact);
  }
}
