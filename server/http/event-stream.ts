/**
 * Event streams: rooms for clients whose network lets no WebSocket through. A stream is a session whose outlet
 * writes server-sent events (WHATWG HTML §9.2); what its client has to say comes as POSTs that name the stream.
 *
 *     event: open      {"connection", "access", "stateVector"}: once; what the server lacks is the client's to POST
 *     event: update    a Yjs update, base64        id: how far the client has come when it has applied it
 *     event: presence  an awareness update, base64
 *     event: synced    {}: what the client lacked has been sent
 *     event: token     {"secondsLeft"}: the token ends soon
 *     event: closed    {"code", "close", "retry", "detail"?}: a row of the error table; nothing follows
 *
 * An id stands in the block of the update that it counts, so it never promises what was not read: a client that
 * comes back with it misses nothing, and gets at most something twice, which Yjs does not mind. What a client wrote
 * itself is not sent back to it, and counts as read.
 */
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Identity } from '../access/access.ts';
import type { Connected, Connections } from '../connections/connections.ts';
import type { Pass } from '../connections/pass.ts';
import { SocketOutlet, type SendLimits } from '../connections/socket-outlet.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import { ERRORS, ProtocolError, type ErrorCode } from '../protocol/errors.ts';
import type { Author } from '../rooms/author.ts';
import type { Frame, Mark, Wire } from '../rooms/outlet.ts';
import type { Room } from '../rooms/room.ts';
import { Session, type SessionLimits } from '../rooms/session.ts';
import type { Timers } from '../rooms/timers.ts';

export interface EventStreamsOptions {
  readonly connections: Connections;
  readonly timers: Timers;
  readonly limits: SendLimits & SessionLimits;
}

/** Who opens a stream, on what, and where it starts. */
export interface StreamRequest {
  readonly document: DocumentName;
  readonly identity: Identity;
  readonly canWrite: boolean;
  /** Null on a node without access control. */
  readonly pass: Pass | null;
  readonly stateVector: Uint8Array;
  readonly clocks: ReadonlyMap<number, number>;
  /** As the client read it; anything may stand in it. */
  readonly lastEventId: string | null;
}

/** After a drain clients come back within this time, each at its own moment. */
const RETRY_SPREAD_MS = 5000;
/** How long a client may take to read its goodbye. */
const CLOSE_TIMEOUT_MS = 5000;
/** No guess will hit it. */
const ID_BYTES = 18;

const HEADERS = {
  'Content-Type': 'text/event-stream',
  // No transformation: a proxy that compresses or buffers would hold events back.
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
  Connection: 'close',
};

function block(event: string, data: string, mark?: Mark): string {
  const id = mark === undefined ? '' : `id: ${mark.epoch}.${mark.seq}\n`;
  return `${id}event: ${event}\ndata: ${data}\n\n`;
}

/** All of it is ASCII. */
const frame = (text: string): Frame => [Buffer.from(text, 'latin1')];

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** The encoding of "no structs, no deletions". */
const EMPTY_UPDATE_BYTES = 2;

const KEEP_ALIVE = frame(':\n\n');

export const eventWire: Wire = {
  // The client has read our state vector in `open`, and an update that does not fit is answered to its POST.
  syncStep1: () => [],
  syncStep2: (update, mark) => {
    const synced = block('synced', '{}', mark);
    return frame(
      update.byteLength <= EMPTY_UPDATE_BYTES ? synced : block('update', base64(update)) + synced,
    );
  },
  update: (update, mark) => frame(block('update', base64(update), mark)),
  presence: (entries) => frame(block('presence', base64(entries))),
  // A POST is answered when it is durable.
  ack: () => null,
  expiry: (secondsLeft) => frame(block('token', JSON.stringify({ secondsLeft }))),
  keepAlive: () => KEEP_ALIVE,
};

/** One stream: the sending side of a session. */
export class EventStream extends SocketOutlet implements Connected {
  readonly id: string = randomBytes(ID_BYTES).toString('base64url');
  readonly document: DocumentName;
  readonly identity: Identity;
  readonly session: Session;
  readonly pass: Pass | null;
  readonly transport = 'events';
  readonly openedMs: number;
  askedMs: number;
  readonly #response: ServerResponse;

  constructor(response: ServerResponse, request: StreamRequest, options: EventStreamsOptions) {
    const { socket } = response;
    if (socket === null) throw new Error('a response without a socket');
    super(socket, options.timers, options.limits);
    this.#response = response;
    this.document = request.document;
    this.identity = request.identity;
    this.pass = request.pass;
    this.openedMs = options.timers.now();
    this.askedMs = this.openedMs;
    this.session = new Session(this, options.limits);
    this.session.setCanWrite(request.canWrite);
    this.session.subject = request.identity.subject;
  }

  override get wire(): Wire {
    return eventWire;
  }

  /** Joins the room and starts with what the client lacks. */
  start(room: Room, request: StreamRequest): void {
    this.#response.writeHead(200, HEADERS);
    this.#response.flushHeaders();
    this.session.enter(room);
    const { stateVector, clocks, canWrite } = request;
    this.send(
      frame(
        block(
          'open',
          JSON.stringify({
            connection: this.id,
            access: canWrite ? 'write' : 'read',
            stateVector: Buffer.from(room.version.encodeStateVector()).toString('base64url'),
          }),
        ),
      ),
    );
    const seq = resumeFrom(request.lastEventId, room);
    this.session.follow({ stateVector, clocks, ...(seq === null ? {} : { seq }) });
  }

  sweep(nowMs: number): number {
    return this.isClosing ? 0 : this.sweepSending(nowMs);
  }

  /** Its client's requests are read, or not, where they are answered. */
  override setReading(): void {}
  setStoreFull(): void {}

  override close(code: ErrorCode, detail?: string): void {
    if (this.isClosing) return;
    this.isClosing = true;
    this.runDrainCallbacks();
    // Who reads nothing will not read a goodbye either.
    if (code === 'slow-consumer') {
      this.socket.destroy();
      return;
    }
    const { close, retry } = ERRORS[code];
    const pause =
      code === 'draining' ? `retry: ${Math.floor(Math.random() * RETRY_SPREAD_MS)}\n` : '';
    const data = JSON.stringify({
      code,
      close,
      retry,
      ...(detail === undefined ? {} : { detail }),
    });
    this.#response.end(pause + block('closed', data));
    const timer = this.timers.setTimeout(() => this.socket.destroy(), CLOSE_TIMEOUT_MS);
    this.socket.once('close', () => {
      this.timers.clearTimeout(timer);
    });
  }

  terminate(): void {
    this.isClosing = true;
    this.socket.destroy();
  }

  /** The client is gone. */
  onGone(): void {
    this.isClosing = true;
    this.runDrainCallbacks();
    this.session.leave();
  }

  protected override write(parts: Frame): void {
    for (const part of parts) this.#response.write(part);
  }
}

/** The number behind the id of a client that comes back; null when it means nothing here. */
function resumeFrom(lastEventId: string | null, room: Room): number | null {
  const [, epoch, digits] = /^([\w-]{1,64})\.(\d{1,15})$/.exec(lastEventId ?? '') ?? [];
  if (epoch !== room.epoch || digits === undefined) return null;
  // What waits for the next flush has a number, but nobody can have read it.
  return Number(digits) <= room.flushedSeq ? Number(digits) : null;
}

/** The streams of one node, by the id that their clients name them with. */
export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #streams = new Map<string, EventStream>();

  constructor(options: EventStreamsOptions) {
    this.#options = options;
  }

  /** Whether another one may be opened. @throws ProtocolError `draining`, `overloaded` */
  admit(): void {
    const { refusal } = this.#options.connections;
    if (refusal !== null) throw new ProtocolError(refusal);
  }

  /** Answers with a stream. @throws ProtocolError as long as nothing has been sent */
  open(response: ServerResponse, request: StreamRequest, room: Room): void {
    this.admit();
    if (room.isDisposed) throw new ProtocolError('document-reset');
    if (response.destroyed) return;
    const { connections } = this.#options;
    const stream = new EventStream(response, request, this.#options);
    this.#streams.set(stream.id, stream);
    connections.add(stream);
    response.once('close', () => {
      this.#streams.delete(stream.id);
      connections.delete(stream);
      stream.onGone();
    });
    stream.start(room, request);
  }

  /** The stream of this id, if it is of this identity and document: an id alone opens nothing. */
  find(id: string, identity: Identity, document: DocumentName): EventStream | null {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.isClosed) return null;
    return stream.identity.subject === identity.subject && stream.document === document
      ? stream
      : null;
  }

  /** Who writes with this id, so that it is not sent its own updates back; null when nobody does. */
  authorOf(id: string, identity: Identity, document: DocumentName): Author | null {
    return this.find(id, identity, document)?.session ?? null;
  }
}
