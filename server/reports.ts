/**
 * What the parts of a node tell of themselves, as metrics and log lines: one line an event, at the level that an
 * operator wants it. No tokens, no text, no bytes. [I7]
 */
import type { StoreObserver } from '../persistence/store.ts';
import type { AccessEvent } from './access/control.ts';
import type { FanoutEvent } from './fanout/part.ts';
import type { GatewayObserver } from './gateway/gateway.ts';
import type { HttpObserver } from './http/context.ts';
import type { Logger } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';
import { NodeTracing, type TracingObserver, type TracingSettings } from './observe/tracing.ts';
import type { RoomEvent } from './rooms/context.ts';
import type { WebhookObserver } from './webhooks/dispatcher.ts';

export class Reports {
  readonly #log: Logger;
  readonly #metrics: Metrics;
  /** Null: nobody collects traces. */
  readonly tracing: NodeTracing | null;

  constructor(log: Logger, metrics: Metrics, settings: TracingSettings) {
    this.#log = log;
    this.#metrics = metrics;
    this.tracing =
      settings.otlpEndpoint === null ? null : new NodeTracing(settings, this.#tracingObserver());
  }

  /** `onCommit` and `onFull` are the node's business. */
  storeObserver(node: Pick<Required<StoreObserver>, 'onCommit' | 'onFull'>): StoreObserver {
    return {
      onStatus: (status, error) => {
        if (error !== null) this.#metrics.storeFailed(error.code);
        // Nothing is logged before the URL: that is the first line on stdout.
        if (status === 'degraded') {
          this.#log.error({ err: error }, 'the store cannot write; nothing is acked until it can');
        }
      },
      onCommit: (batch) => {
        this.tracing?.committed(batch);
        node.onCommit(batch);
        this.#metrics.committed(batch.records, batch.durationMs);
      },
      onRecovered: (recovery) => {
        this.#metrics.storeRecovered();
        this.#log.warn(recovery, 'the store was reopened and has written everything again');
      },
      onFull: node.onFull,
      onAbandoned: (queue) => {
        this.#log.error(
          queue,
          'closed with updates that never reached the disk; none was acked, their clients still have them',
        );
      },
    };
  }

  gatewayObserver(): GatewayObserver {
    return {
      onUpgradeRefused: (code) => {
        this.#metrics.handshakeRefused(code);
      },
      onOpened: (document) => {
        this.#log.debug({ document }, 'connection opened');
      },
      onClosed: (document, closeCode) => {
        this.#metrics.closed(closeCode);
        this.#log.debug({ document, closeCode }, 'connection closed');
      },
      onError: (error) => {
        this.#log.error({ err: error }, 'an upgrade failed');
      },
    };
  }

  httpObserver(): HttpObserver {
    return {
      onRequest: (request) => {
        this.#metrics.requestAnswered(request);
        this.#log.debug(request, 'request');
      },
      onError: (error, requestId) => {
        this.#log.error({ err: error, requestId }, 'a request failed');
      },
    };
  }

  #tracingObserver(): TracingObserver {
    let isFailing = false;
    return {
      onExport: (spans, error) => {
        this.#metrics.spansExported(spans, error === null ? 'sent' : 'failed');
        const wasFailing = isFailing;
        isFailing = error !== null;
        if (isFailing === wasFailing) return;
        if (error === null) this.#log.info('the collector takes traces again');
        // Its answer may hold anything; the kind of the error says enough.
        else this.#log.warn({ reason: error.name }, 'the collector takes no traces');
      },
    };
  }

  webhookObserver(): WebhookObserver {
    return {
      onAttempt: (result) => {
        this.#metrics.webhookAttempted(result);
      },
      onDeadLetter: (letter) => {
        this.#log.error(letter, 'an event was given up: see GET /v1/webhooks/dead-letters');
      },
      onEndpoint: (reason) => {
        if (reason === null) this.#log.info('the webhook endpoint takes events again');
        else this.#log.warn({ reason }, 'the webhook endpoint does not take events');
      },
      onDamage: (what) => {
        this.#log.error({ what }, 'a damaged record of webhooks');
      },
      onError: (error) => {
        this.#log.error({ err: error }, 'webhooks failed');
      },
    };
  }

  onAccessEvent(event: AccessEvent): void {
    switch (event.type) {
      case 'token-refused':
        this.#metrics.tokenRefused(event.reason);
        break;
      case 'tokens-refused':
        this.#log.warn(event, 'tokens were refused');
        break;
      case 'hook-failed': {
        const { error, ...rest } = event;
        this.#log.error({ ...rest, err: error }, 'the authorize hook failed');
        break;
      }
      case 'revocations-unreadable':
        this.#log.error(event, 'stored revocations that are not understood revoke nobody');
        break;
      case 'revoked':
        this.#log.info(event, 'revoked');
        break;
      case 'clock-jumped':
        this.#log.error(event, 'the clock was set; tokens that had expired stay expired');
        break;
    }
  }

  onFanoutEvent(event: FanoutEvent): void {
    switch (event.type) {
      case 'peer':
        this.#log.info(event, 'another node');
        break;
      case 'link': {
        const { region, status, reason, detail } = event.link;
        const level = status === 'up' ? 'info' : 'warn';
        this.#log[level]({ region, status, reason, detail }, 'the link to a Redis has changed');
        break;
      }
      case 'refused':
        this.#metrics.updateRefused(event.reason);
        this.#log.error(event, 'an update that another node has let in was refused here');
        break;
      case 'twin':
        this.#log.error(event, 'another process has the NODE_ID of this node');
        break;
      case 'clock':
        if (event.isApart) {
          this.#log.warn(event, 'the clocks of this node and another are more than 30 s apart');
        } else this.#log.info(event, 'the clocks of this node and another agree again');
        break;
      case 'failed': {
        const { error, ...rest } = event;
        this.#log.error({ ...rest, err: error }, 'the fan-out failed');
        break;
      }
    }
  }

  onRoomEvent(event: RoomEvent): void {
    switch (event.type) {
      case 'update-refused':
        this.#metrics.updateRefused(event.reason);
        this.#log.warn(event, 'an update was refused');
        break;
      case 'session-failed':
      case 'open-failed':
      case 'compaction-failed': {
        const { error, ...rest } = event;
        this.#log.error({ ...rest, err: error }, event.type);
        break;
      }
      case 'compacted':
        this.#log.debug(event, 'compacted');
        break;
      case 'quarantined':
        this.#log.error(event, 'updates that cannot be integrated were set aside');
        break;
    }
  }
}
