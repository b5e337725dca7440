/** Webhooks of one node: the parts put together as its options say. */
import type { ChangeKind, DocumentStore } from '../../persistence/store.ts';
import type { WebhookTimers } from './clock.ts';
import type { DeadLetters } from './dead-letters.ts';
import { Dispatcher, type WebhookObserver, type WebhookSabotage } from './dispatcher.ts';
import { createSend } from './endpoint.ts';
import type { WebhookSettings } from './settings.ts';
import { secretKey } from './signature.ts';

export interface WebhookParts {
  readonly settings: WebhookSettings;
  readonly store: Pick<DocumentStore, 'records' | 'changes'>;
  readonly timers: WebhookTimers;
  readonly random: () => number;
  readonly observer: WebhookObserver;
  /** Only for the tests that prove that they would notice. */
  readonly sabotage?: WebhookSabotage;
}

export class Webhooks {
  readonly #dispatcher: Dispatcher;

  constructor({ settings, sabotage, ...parts }: WebhookParts) {
    const { webhookUrl, webhookSecret, webhookTimeoutMs } = settings;
    if (webhookUrl === null || webhookSecret === null) throw new Error('webhooks without a URL');
    this.#dispatcher = new Dispatcher({
      ...parts,
      send: createSend({
        url: webhookUrl,
        key: secretKey(webhookSecret),
        timeoutMs: webhookTimeoutMs,
        timers: parts.timers,
      }),
      kinds: new Set(settings.webhookEvents as readonly ChangeKind[]),
      node: settings.nodeId,
      region: settings.region,
      debounceMs: settings.webhookDebounceMs,
      attemptsMax: settings.webhookAttemptsMax,
      ...(sabotage === undefined ? {} : { sabotage }),
    });
  }

  get deadLetters(): DeadLetters {
    return this.#dispatcher.deadLetters;
  }

  /** Events that are read from the change log and not delivered yet. */
  get waiting(): number {
    return this.#dispatcher.waiting;
  }

  /** After the store was opened. Returns at once; a receiver that is down delays nothing. */
  start(): void {
    this.#dispatcher.start();
  }

  /** The store has committed something. */
  wake(): void {
    this.#dispatcher.wake();
  }

  /** Before the store is closed. What is not delivered within the deadline is delivered after a restart. */
  async stop(deadlineMs: number): Promise<void> {
    await this.#dispatcher.stop(deadlineMs);
  }
}
