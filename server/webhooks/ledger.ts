/**
 * What webhooks must not forget, as records of the store:
 *
 *   webhook      cursor            every change up to here is delivered, is a retry record, or a dead letter
 *   webhook      retry:KIND:NAME   an event that has failed at least once, and how often
 *   dead-letter  EVENT ID          an event that was given up
 *
 * Each step is one batch, so a crash anywhere leaves an event in at least one of these places, or behind the cursor.
 */
import {
  StoreError,
  type ChangeKind,
  type RecordChange,
  type RecordKey,
  type RecordStore,
} from '../../persistence/store.ts';
import { EVENT_KINDS, type WebhookEvent } from './event.ts';

export interface DeadLetter extends WebhookEvent {
  readonly id: string;
  readonly attempts: number;
  /** Of the last attempt. */
  readonly reason: string;
  readonly failedAtMs: number;
}

export interface Retry extends WebhookEvent {
  readonly attempts: number;
}

export interface Cursor {
  readonly position: number;
  /** Made once a store; part of every event's id. */
  readonly source: string;
}

const PAGE = 256;
const CURSOR: RecordKey = { space: 'webhook', document: null, id: 'cursor' };
const RETRY = 'retry:';

const encode = (value: object): Uint8Array => Buffer.from(JSON.stringify(value));
const decode = (value: Uint8Array): unknown => JSON.parse(Buffer.from(value).toString('utf8'));

/** Of the retry record: one for all events of a document that are of one kind. */
export function retryId({ kind, document }: WebhookEvent): string {
  return `${RETRY}${kind}:${document}`;
}

function retryKey(event: WebhookEvent): RecordKey {
  return { space: 'webhook', document: null, id: retryId(event) };
}

const deadKey = (id: string): RecordKey => ({ space: 'dead-letter', document: null, id });

/** The event of a retry record whose value is lost: what is in its key is enough to send it once more. */
function eventOfKey(id: string, position: number, atMs: number): Retry | null {
  const [, kind, ...name] = id.split(':');
  if (kind === undefined || !EVENT_KINDS.includes(kind as ChangeKind)) return null;
  return { kind: kind as ChangeKind, document: name.join(':'), position, atMs, attempts: 0 };
}

export class Ledger {
  readonly #records: RecordStore;

  constructor(records: RecordStore) {
    this.#records = records;
  }

  /** Null: there is none yet. `damaged`: it cannot be read. */
  async cursor(): Promise<Cursor | null | 'damaged'> {
    const { space, document } = CURSOR;
    const [record] = await this.#records.list({ space, document, limit: 1 });
    if (record?.id !== CURSOR.id) return null;
    return record.value === null ? 'damaged' : (decode(record.value) as Cursor);
  }

  /** Moves the cursor, and forgets retries that were delivered. */
  async advance(cursor: Cursor | null, delivered: readonly WebhookEvent[]): Promise<void> {
    const changes: RecordChange[] = delivered.map((event) => ({
      key: retryKey(event),
      value: null,
    }));
    if (cursor !== null) changes.push({ key: CURSOR, value: encode(cursor) });
    // In portions, the cursor last. All are queued now: a retry that is saved while they are written comes behind them.
    const portions: Promise<void>[] = [];
    for (let at = 0; at < changes.length; at += PAGE) {
      portions.push(this.#records.write(changes.slice(at, at + PAGE)));
    }
    await Promise.all(portions);
  }

  async retries(position: number, atMs: number): Promise<readonly Retry[]> {
    const found: Retry[] = [];
    for await (const { id, value } of this.#all('webhook')) {
      if (!id.startsWith(RETRY)) continue;
      const retry = value === null ? eventOfKey(id, position, atMs) : (decode(value) as Retry);
      if (retry !== null) found.push(retry);
    }
    return found;
  }

  async saveRetry({ kind, document, position, atMs, attempts }: Retry): Promise<void> {
    const value = encode({ kind, document, position, atMs, attempts });
    await this.#records.write([{ key: retryKey({ kind, document, position, atMs }), value }]);
  }

  /** From retry to dead letter, in one step. */
  async bury(letter: DeadLetter): Promise<void> {
    await this.#records.write([
      { key: deadKey(letter.id), value: encode(letter) },
      { key: retryKey(letter), value: null },
    ]);
  }

  /** And back: `retry` takes the letter's place. */
  async exhume(id: string, retry: Retry): Promise<void> {
    const { kind, document, position, atMs, attempts } = retry;
    await this.#records.write([
      { key: retryKey(retry), value: encode({ kind, document, position, atMs, attempts }) },
      { key: deadKey(id), value: null },
    ]);
  }

  /** Null: there is none; `damaged`: it can only be discarded. */
  async deadLetter(id: string): Promise<DeadLetter | null | 'damaged'> {
    try {
      const value = await this.#records.get(deadKey(id));
      return value === null ? null : (decode(value) as DeadLetter);
    } catch (error) {
      if (error instanceof StoreError && error.code === 'record-damaged') return 'damaged';
      throw error;
    }
  }

  async discard(id: string): Promise<void> {
    await this.#records.write([{ key: deadKey(id), value: null }]);
  }

  /** In order of age. Null: damaged, by id. */
  async deadLetters(
    after: string | null,
    limit: number,
  ): Promise<readonly { readonly id: string; readonly letter: DeadLetter | null }[]> {
    const query = { space: 'dead-letter', document: null, limit } as const;
    const page = await this.#records.list(after === null ? query : { ...query, after });
    return page.map(({ id, value }) => ({
      id,
      letter: value === null ? null : (decode(value) as DeadLetter),
    }));
  }

  async countDeadLetters(): Promise<number> {
    let count = 0;
    for await (const _ of this.#all('dead-letter')) count++;
    return count;
  }

  async *#all(
    space: 'webhook' | 'dead-letter',
  ): AsyncIterable<{ readonly id: string; readonly value: Uint8Array | null }> {
    let after: string | undefined;
    for (;;) {
      const query = { space, document: null, limit: PAGE } as const;
      const page = await this.#records.list(after === undefined ? query : { ...query, after });
      yield* page;
      if (page.length < PAGE) return;
      after = page.at(-1)?.id ?? '';
    }
  }
}
