/** The options of webhooks, and what of them cannot work. */
import { EVENT_KINDS } from './event.ts';
import { SECRET_BYTES_MIN, secretKey } from './signature.ts';

export interface WebhookSettings {
  /** Null: no webhooks. */
  readonly webhookUrl: string | null;
  readonly webhookSecret: string | null;
  readonly webhookEvents: readonly string[];
  readonly webhookDebounceMs: number;
  readonly webhookAttemptsMax: number;
  readonly webhookTimeoutMs: number;
  readonly nodeId: string;
  readonly region: string;
}

/** Never names a value: URLs of webhooks carry secrets, too. */
export function problemsOfWebhooks(settings: WebhookSettings): readonly string[] {
  const { webhookUrl, webhookSecret, webhookEvents } = settings;
  if (webhookUrl === null) return [];
  const problems: string[] = [];
  const url = URL.canParse(webhookUrl) ? new URL(webhookUrl) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    problems.push('WEBHOOK_URL must be an http:// or https:// URL');
  } else if (url.username !== '' || url.password !== '') {
    problems.push('WEBHOOK_URL must not carry a user or password: receivers check the signature');
  }
  if (webhookSecret === null) {
    problems.push('WEBHOOK_URL needs a WEBHOOK_SECRET: events are signed');
  } else if (secretKey(webhookSecret).length < SECRET_BYTES_MIN) {
    problems.push(
      `WEBHOOK_SECRET must be at least ${SECRET_BYTES_MIN} bytes (after whsec_, in base64)`,
    );
  }
  const kinds: readonly string[] = EVENT_KINDS;
  if (webhookEvents.length === 0 || webhookEvents.some((kind) => !kinds.includes(kind))) {
    problems.push(`WEBHOOK_EVENTS must be some of ${kinds.join(', ')}`);
  }
  return problems;
}
