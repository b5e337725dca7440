/** Reads an event stream as a program would that knows nothing of the client library. */
import { createParser } from 'eventsource-parser';
import { onTestFinished } from 'vitest';
import * as Y from 'yjs';
import { waitUntil } from './wait-until.ts';

export interface StreamEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string | null;
}

export interface ReaderOptions {
  readonly since?: Y.Doc;
  readonly lastEventId?: string;
  readonly token?: string;
}

export class EventReader {
  readonly events: StreamEvent[] = [];
  readonly comments: string[] = [];
  retryMs: number | null = null;
  isEnded = false;
  readonly response: Response;
  readonly #abort: AbortController;

  private constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
  }

  static async open(url: string, name: string, options: ReaderOptions = {}): Promise<EventReader> {
    const { since, lastEventId, token } = options;
    const abort = new AbortController();
    const query =
      since === undefined
        ? ''
        : `?since=${Buffer.from(Y.encodeStateVector(since)).toString('base64url')}`;
    const response = await fetch(`${url}/v1/documents/${encodeURIComponent(name)}/events${query}`, {
      headers: {
        ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      signal: abort.signal,
    });
    const reader = new EventReader(response, abort);
    onTestFinished(() => reader.close());
    if (response.ok && response.body !== null) void reader.#read(response.body);
    return reader;
  }

  close(): void {
    this.#abort.abort();
  }

  of(event: string): StreamEvent[] {
    return this.events.filter((one) => one.event === event);
  }

  get lastEventId(): string | null {
    return this.events.findLast(({ id }) => id !== null)?.id ?? null;
  }

  async until(event: string, count: number = 1): Promise<StreamEvent> {
    await waitUntil(`${count} × ${event}`, () => this.of(event).length >= count);
    return this.of(event)[count - 1] as StreamEvent;
  }

  /** What `open` said. */
  async opened(): Promise<{ connection: string; access: string; stateVector: string }> {
    return JSON.parse((await this.until('open')).data) as {
      connection: string;
      access: string;
      stateVector: string;
    };
  }

  /** Applies everything that came to a document. */
  applyTo(doc: Y.Doc): Y.Doc {
    for (const { data } of this.of('update')) Y.applyUpdate(doc, Buffer.from(data, 'base64'));
    return doc;
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const parser = createParser({
      onEvent: ({ event, data, id }) => {
        this.events.push({ event: event ?? '', data, id: id ?? null });
      },
      onComment: (comment) => this.comments.push(comment),
      onRetry: (retryMs) => {
        this.retryMs = retryMs;
      },
    });
    const decoder = new TextDecoder();
    try {
      for await (const bytes of body) parser.feed(decoder.decode(bytes, { stream: true }));
    } catch {
      // Cut, by the test or the node.
    }
    this.isEnded = true;
  }
}
