/** A dispatcher over a memory store in virtual time, with a receiver that does as the test says. */
import { MemoryStore } from '../../persistence/memory-store.ts';
import type { Outcome } from '../../server/webhooks/attempt.ts';
import {
  Dispatcher,
  type DeliveryResult,
  type DispatcherOptions,
} from '../../server/webhooks/dispatcher.ts';
import { eventId, type WebhookEvent } from '../../server/webhooks/event.ts';
import type { DeadLetter } from '../../server/webhooks/ledger.ts';
import { VirtualTimers } from './virtual-timers.ts';

export const failed = (reason: string = 'status 500', more: object = {}): Outcome => ({
  type: 'failed',
  reason,
  isPermanent: false,
  retryAfterMs: null,
  ...more,
});

export interface Told {
  readonly id: string;
  readonly what: string;
  readonly atMs: number;
}

export class WebhookHouse {
  readonly timers: VirtualTimers = new VirtualTimers();
  store: MemoryStore;
  dispatcher: Dispatcher;
  /** What the receiver answers; may wait. */
  answer: (event: WebhookEvent) => Outcome | Promise<Outcome> = () => ({ type: 'delivered' });
  /** Every attempt, and those that the receiver took. */
  readonly attempts: Told[] = [];
  readonly taken: Told[] = [];
  readonly results: DeliveryResult[] = [];
  readonly buried: DeadLetter[] = [];
  readonly log: string[] = [];
  readonly #options: Partial<DispatcherOptions>;

  constructor(options: Partial<DispatcherOptions> = {}) {
    this.#options = options;
    this.store = new MemoryStore({
      clock: this.timers,
      recordsChanges: true,
      observer: {
        onCommit: () => {
          this.dispatcher.wake();
        },
      },
    });
    this.dispatcher = this.#createDispatcher();
  }

  async open(): Promise<void> {
    await this.store.open();
    this.dispatcher.start();
  }

  async append(name: string): Promise<void> {
    await this.store.load(name);
    this.store.append(name, Uint8Array.of(1));
  }

  /** `kill -9`: what was not durable is gone but for a part, requests in flight end in nothing. */
  async crash(random: () => number): Promise<void> {
    const dead = this.dispatcher;
    this.store = this.store.crash(random);
    void dead.stop(0); // its store is closed: it cannot save anything any more
    this.dispatcher = this.#createDispatcher();
    await this.open();
  }

  async cursor(): Promise<number> {
    const key = { space: 'webhook', document: null, id: 'cursor' } as const;
    const value = await this.store.records.get(key);
    if (value === null) return -1;
    return (JSON.parse(Buffer.from(value).toString()) as { position: number }).position;
  }

  #createDispatcher(): Dispatcher {
    const { timers } = this;
    return new Dispatcher({
      store: this.store,
      send: async (event, { source }, signal) => {
        const told = {
          id: eventId(event, source),
          what: `${event.kind} ${event.document}`,
          atMs: timers.now(),
        };
        this.attempts.push(told);
        const outcome = await this.answer({ ...event });
        if (signal.aborted) return failed('aborted');
        if (outcome.type === 'delivered') this.taken.push(told);
        return outcome;
      },
      kinds: new Set(['created', 'changed', 'deleted']),
      node: 'node-1',
      region: 'here',
      debounceMs: 100,
      attemptsMax: 4,
      timers,
      random: () => 0.5,
      observer: {
        onAttempt: (result) => this.results.push(result),
        onDeadLetter: (letter) => this.buried.push(letter),
        onEndpoint: (reason) => this.log.push(reason ?? 'endpoint ok'),
        onDamage: (what) => this.log.push(what),
        onError: (error) => this.log.push(String(error)),
      },
      ...this.#options,
    });
  }
}
