/**
 * What a webhook tells: that a document was created, changed or deleted, and which. Never what it says: a
 * receiver that may read it asks the API.
 */
import { createHash } from 'node:crypto';
import type { ChangeKind } from '../../persistence/store.ts';

/** In the order in which they happen to a document. */
export const EVENT_KINDS: readonly ChangeKind[] = ['created', 'changed', 'deleted'];

export interface WebhookEvent {
  readonly kind: ChangeKind;
  readonly document: string;
  /** Of the newest change that it stands for, in this store's change log. */
  readonly position: number;
  /** When that change became part of a batch: milliseconds since the epoch. */
  readonly atMs: number;
}

/** Who tells. `source` names the store, over restarts; nodes and regions have names that people give. */
export interface Origin {
  readonly source: string;
  readonly node: string;
  readonly region: string;
}

const POSITION_DIGITS = 10;
const HASH_CHARACTERS = 16;

/**
 * The same event has the same id whenever it is sent: after a retry, after a restart. One that stands for a newer
 * change has another, or a receiver that drops repetitions would drop news. Ids sort by age.
 */
export function eventId(event: WebhookEvent, source: string): string {
  const { kind, document, position } = event;
  const hash = createHash('sha256').update(JSON.stringify([source, kind, document, position]));
  const age = position.toString(36).padStart(POSITION_DIGITS, '0');
  return `evt_${age}${hash.digest('base64url').slice(0, HASH_CHARACTERS)}`;
}

export function eventBody(event: WebhookEvent, { source, node, region }: Origin): string {
  return JSON.stringify({
    id: eventId(event, source),
    type: `document.${event.kind}`,
    document: event.document,
    at: new Date(event.atMs).toISOString(),
    node,
    region,
  });
}
