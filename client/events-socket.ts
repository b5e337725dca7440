/**
 * The second transport: frames of y-protocols carried over a stream of events (down) and POSTs (up), for networks
 * that let no WebSocket through. To the provider it looks like a socket to a y-websocket server with durable acks:
 *
 *   event open     → SyncStep1: its SyncStep2 becomes the first POST, even when it brings nothing, because what the
 *                    server has of it already may not be on disk yet [I1]
 *   event update   → Update          event presence → Awareness          a comment → an empty Awareness
 *   event synced   → SyncStep2       event token    → Auth 1: the token ends soon
 *   SyncStep2, Update → POST …/updates          Awareness → POST …/presence          SyncStatus 102 → see outbox.ts
 *
 * A stream that breaks off is opened once more by itself, from where it was (`Last-Event-ID`); the server sends what
 * was missed, or everything that this document lacks. So does a new token. Only then is the socket closed.
 */
import { createParser } from 'eventsource-parser';
import * as encoding from 'lib0/encoding';
import * as Y from 'yjs';
import { AUTH, MESSAGE } from '../server/protocol/messages.ts';
import { fromBase64 } from './base64.ts';
import { ownPresence, presenceFrame, readOutgoing, syncFrame } from './frames.ts';
import type { Link, LinkEvents } from './link.ts';
import { Outbox } from './outbox.ts';
import { closeOf, refusalOf, type Rest } from './rest.ts';
import { sinceOf } from './since.ts';
import type { TokenSource } from './token-source.ts';

export interface EventsContext {
  readonly rest: Rest;
  readonly token: TokenSource;
  readonly doc: Y.Doc;
  readonly timing: { readonly streamOpenMs: number };
  /** What a POST is answered for; null: as the node is configured. */
  readonly durability: 'local' | 'replicated' | null;
  /** How far a stream of this document has come; survives sockets. */
  readonly position: { lastEventId: string | null };
}

/** A stream that lasted this long is opened again without a word: milliseconds. */
const STABLE_MS = 2_000;
/** Two keep-alives are missing: milliseconds. */
const SILENCE_MS = 30_000;
/** Nobody sees cursors move more often: milliseconds. */
const PRESENCE_INTERVAL_MS = 100;
const POST_TIMEOUT_MS = 60_000;
const EMPTY_UPDATE = Uint8Array.of(0, 0);
const NO_PRESENCE = Uint8Array.of(0);
const BYTES = { 'Content-Type': 'application/octet-stream' };

export class EventsSocket implements Link {
  readonly transport = 'events';
  heardMs: number | null = null;
  readonly #context: EventsContext;
  readonly #events: LinkEvents;
  readonly #outbox: Outbox;
  #stream: Stream | null = null;
  #connection: string | null = null;
  /** What the server has that this client may not add to; null when it may write. */
  #readOnly: ReadonlyMap<number, number> | null = null;
  #isClosed = false;
  #presence: Uint8Array | null = null;
  #isPresenceDue = false;
  #isSendingPresence = false;

  constructor(context: EventsContext, events: LinkEvents) {
    this.#context = context;
    this.#events = events;
    this.#outbox = new Outbox({
      post: (body) =>
        context.rest.request(`/updates${this.#updatesQuery}`, {
          method: 'POST',
          headers: BYTES,
          // Its buffer is never a shared one.
          body: body as Uint8Array<ArrayBuffer>,
          signal: AbortSignal.timeout(POST_TIMEOUT_MS),
        }),
      updateSince: (stateVector) => Y.encodeStateAsUpdate(context.doc, fromBase64(stateVector)),
      onDurable: (payload) => this.#deliver(ackFrame(payload)),
      onRefused: (code, reason) => this.#end(code, reason),
    });
    this.#openStream(false);
  }

  send(frame: Uint8Array): void {
    if (this.#isClosed) return;
    const message = readOutgoing(frame);
    switch (message.type) {
      case 'step2':
        if (this.#hasToWrite) this.#outbox.add(message.payload);
        break;
      case 'update':
        this.#outbox.add(message.payload);
        break;
      case 'presence':
        // y-websocket repeats everybody's; each speaks for itself.
        this.#setPresence(ownPresence(message.payload, this.#context.doc.clientID));
        break;
      case 'ack-request':
        this.#outbox.request(message.payload);
        break;
      case 'token':
        // The provider has just got it.
        this.#openStream(true);
        break;
      case 'step1':
      case 'other':
        break;
    }
  }

  /** What is in flight arrives, and what is left is tried once. */
  close(): void {
    this.#isClosed = true;
    this.#connection = null;
    this.#stream?.close();
    this.#outbox.linger();
  }

  get #connectionQuery(): string {
    return this.#connection === null ? '' : `?connection=${this.#connection}`;
  }

  get #updatesQuery(): string {
    const { durability } = this.#context;
    if (durability === null) return this.#connectionQuery;
    const connection = this.#connection === null ? '' : `&connection=${this.#connection}`;
    return `?durability=${durability}${connection}`;
  }

  /** Who may only read is refused any POST: nothing is sent unless there is something new to be refused. */
  get #hasToWrite(): boolean {
    if (this.#readOnly === null) return true;
    for (const [client, clock] of Y.decodeStateVector(Y.encodeStateVector(this.#context.doc))) {
      if (clock > (this.#readOnly.get(client) ?? 0)) return true;
    }
    return false;
  }

  /** Another transport takes over, which sends everything that the server lacks. */
  retire(): void {
    this.#outbox.stop();
    this.close();
  }

  #end(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stream?.close();
    this.#outbox.stop();
    this.#events.onClose(code, reason);
  }

  #deliver(frame: Uint8Array): void {
    if (!this.#isClosed) this.#events.onFrame(frame);
  }

  /** Opens a stream beside the present one, if there is one, and takes it over from that. */
  #openStream(isTokenFresh: boolean): void {
    const stream = new Stream(this.#context, isTokenFresh, {
      onHeard: () => {
        this.heardMs = Date.now();
      },
      onEvent: (event, data) => this.#onEvent(stream, event, data),
      onComment: () => this.#deliver(presenceFrame(NO_PRESENCE)),
      onEnd: (code, reason, livedMs) => {
        // Of two, the other goes on.
        if (this.#isClosed || stream !== this.#stream) return;
        this.#stream = null;
        if (code === 1006 && livedMs >= STABLE_MS) this.#openStream(false);
        else this.#end(code, reason);
      },
    });
    this.#stream ??= stream;
  }

  #onEvent(stream: Stream, event: string, data: string): void {
    if (this.#isClosed) return;
    switch (event) {
      case 'open':
        this.#onOpen(stream, data);
        break;
      case 'update':
        this.#deliver(syncFrame('update', fromBase64(data)));
        break;
      case 'synced':
        this.#deliver(syncFrame('step2', EMPTY_UPDATE));
        break;
      case 'presence':
        this.#deliver(presenceFrame(fromBase64(data)));
        break;
      case 'token':
        this.#deliver(expiryFrame(data));
        break;
      default:
        break;
    }
  }

  #onOpen(stream: Stream, data: string): void {
    const { connection, access, stateVector } = JSON.parse(data) as {
      connection: string;
      access: 'read' | 'write';
      stateVector: string;
    };
    const known = fromBase64(stateVector);
    this.#readOnly = access === 'read' ? Y.decodeStateVector(known) : null;
    const isFirst = this.#connection === null;
    const previous = this.#stream;
    this.#connection = connection;
    this.#stream = stream;
    if (previous !== stream) previous?.close();
    if (isFirst) this.#events.onOpen();
    else this.#sendPresence();
    this.#deliver(syncFrame('step1', known));
  }

  #setPresence(entry: Uint8Array | null): void {
    if (entry === null) return;
    this.#presence = entry;
    this.#sendPresence();
  }

  #sendPresence(): void {
    this.#isPresenceDue = this.#presence !== null;
    if (!this.#isSendingPresence) void this.#runPresence();
  }

  /** One at a time, the newest only. Who misses one gets the next: clients repeat theirs every 15 s. */
  async #runPresence(): Promise<void> {
    this.#isSendingPresence = true;
    while (this.#isPresenceDue && !this.#isClosed && this.#presence !== null) {
      this.#isPresenceDue = false;
      try {
        const response = await this.#context.rest.request(`/presence${this.#connectionQuery}`, {
          method: 'POST',
          headers: BYTES,
          body: this.#presence as Uint8Array<ArrayBuffer>,
          signal: AbortSignal.timeout(POST_TIMEOUT_MS),
        });
        await response.arrayBuffer();
      } catch {
        // The stream will tell when the server is gone.
      }
      await new Promise((resolve) => {
        setTimeout(resolve, PRESENCE_INTERVAL_MS);
      });
    }
    this.#isSendingPresence = false;
  }
}

interface StreamEvents {
  onHeard(): void;
  onEvent(event: string, data: string): void;
  onComment(): void;
  onEnd(code: number, reason: string, livedMs: number): void;
}

/** One response that does not end, and what stands in it. */
class Stream {
  readonly #abort = new AbortController();
  readonly #events: StreamEvents;
  #openedMs: number | null = null;
  #isOver = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(context: EventsContext, isTokenFresh: boolean, events: StreamEvents) {
    this.#events = events;
    this.#expect(context.timing.streamOpenMs);
    this.#read(context, isTokenFresh).then(
      () => this.#end(1006, ''),
      () => this.#end(1006, ''),
    );
  }

  close(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  async #read({ rest, token, doc, position }: EventsContext, isTokenFresh: boolean): Promise<void> {
    if (!isTokenFresh) await token.fresh();
    if (this.#isOver) return;
    const response = await rest.request(`/events${sinceOf(doc)}`, {
      headers: {
        Accept: 'text/event-stream',
        ...(position.lastEventId === null ? {} : { 'Last-Event-ID': position.lastEventId }),
      },
      cache: 'no-store',
      signal: this.#abort.signal,
    });
    const isStream = response.headers.get('Content-Type')?.startsWith('text/event-stream') === true;
    if (!response.ok || !isStream || response.body === null) {
      const { closeCode, reason } = closeOf(await refusalOf(response));
      this.#end(closeCode, reason);
      return;
    }
    const parser = createParser({
      onComment: () => this.#events.onComment(),
      onEvent: ({ event, data, id }) => {
        if (this.#isOver) return;
        if (event === 'closed') this.#onClosed(data);
        else {
          if (event === 'open') this.#onOpen();
          this.#events.onEvent(event ?? '', data);
        }
        // Only now: what failed to be applied is sent again.
        if (id !== undefined) position.lastEventId = id;
      },
    });
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.#isOver) return;
      this.#events.onHeard();
      if (this.#openedMs !== null) this.#expect(SILENCE_MS);
      parser.feed(decoder.decode(value, { stream: true }));
    }
  }

  #onOpen(): void {
    this.#openedMs = Date.now();
    this.#expect(SILENCE_MS);
  }

  #onClosed(data: string): void {
    const { code, close, detail } = JSON.parse(data) as {
      code: string;
      close: number;
      detail?: string;
    };
    this.#end(close, detail === undefined ? code : `${code}: ${detail}`);
  }

  /** A proxy that holds events back, or a line that is dead, says nothing at all. */
  #expect(withinMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(1006, ''), withinMs);
  }

  #end(code: number, reason: string): void {
    if (this.#isOver) return;
    this.close();
    this.#events.onEnd(code, reason, this.#openedMs === null ? 0 : Date.now() - this.#openedMs);
  }
}

function ackFrame(payload: Uint8Array): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, MESSAGE.syncStatus);
    encoding.writeVarUint8Array(encoder, payload);
  });
}

function expiryFrame(data: string): Uint8Array {
  const { secondsLeft } = JSON.parse(data) as { secondsLeft: number };
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, MESSAGE.auth);
    encoding.writeVarUint(encoder, AUTH.expiry);
    encoding.writeVarUint(encoder, Math.max(0, Math.floor(secondsLeft)));
  });
}
