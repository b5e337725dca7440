/** Who is told, by POST, which documents changed. */
import { GIB, MIB, bytes, count, ms, type Option } from './option.ts';

export interface WebhookConfig {
  readonly webhookUrl: string | null;
  readonly webhookSecret: string | null;
  readonly webhookEvents: readonly string[];
  readonly webhookDebounceMs: number;
  readonly webhookAttemptsMax: number;
  readonly webhookTimeoutMs: number;
  readonly changesBytesMax: number;
}

export const WEBHOOK_OPTIONS: readonly Option<keyof WebhookConfig>[] = [
  {
    key: 'webhookUrl',
    env: 'WEBHOOK_URL',
    kind: { type: 'text' },
    shown: 'unset',
    isSecret: true,
    doc: 'Is told, by POST, which documents were created, changed and deleted (“Webhooks” below).',
  },
  {
    key: 'webhookSecret',
    env: 'WEBHOOK_SECRET',
    kind: { type: 'text' },
    shown: 'unset',
    isSecret: true,
    doc: 'Signs what WEBHOOK_URL is told: at least 24 bytes, or `whsec_` and base64.',
  },
  {
    key: 'webhookEvents',
    env: 'WEBHOOK_EVENTS',
    kind: { type: 'list' },
    shown: 'created,changed,deleted',
    doc: 'Which of these WEBHOOK_URL is told.',
  },
  {
    key: 'webhookDebounceMs',
    env: 'WEBHOOK_DEBOUNCE_MS',
    kind: ms(0),
    doc: 'Changes of one document are collected for so long, and told once.',
  },
  {
    key: 'webhookAttemptsMax',
    env: 'WEBHOOK_ATTEMPTS_MAX',
    kind: count(1, 1000),
    doc: 'After so many failed attempts an event becomes a dead letter (20 take about eight hours).',
  },
  {
    key: 'webhookTimeoutMs',
    env: 'WEBHOOK_TIMEOUT_MS',
    kind: ms(10, 300_000),
    doc: 'An attempt that is not answered within this time has failed.',
  },
  {
    key: 'changesBytesMax',
    env: 'CHANGES_BYTES_MAX',
    kind: bytes(64 * 1024, GIB),
    doc: 'What WEBHOOK_URL has still to be told, on disk; above it each document keeps its newest event only.',
  },
];

export function webhookDefaults(): WebhookConfig {
  return {
    webhookUrl: null,
    webhookSecret: null,
    webhookEvents: ['created', 'changed', 'deleted'],
    webhookDebounceMs: 2000,
    webhookAttemptsMax: 20,
    webhookTimeoutMs: 10_000,
    changesBytesMax: 16 * MIB,
  };
}
