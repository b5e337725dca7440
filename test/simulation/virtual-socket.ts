/**
 * A connection between an editor and a node: both ends in order, each way with its own delay, frames as they are on the
 * wire. What is under way when it is cut is lost, and each end learns of the cut in its own time, or never.
 */
import { ySweet } from '../../server/gateway/dialects/y-sweet.ts';
import type { ErrorCode } from '../../server/protocol/errors.ts';
import type { DocumentName } from '../../server/protocol/document-name.ts';
import { frameBytes, type Frame, type Outlet, type Wire } from '../../server/rooms/outlet.ts';
import { ProtocolError } from '../../server/protocol/errors.ts';
import type { DurabilityLevel } from '../../server/rooms/replication.ts';
import { Session } from '../../server/rooms/session.ts';
import type { Timers } from '../../server/rooms/timers.ts';
import type { Random } from '../support/random.ts';
import type { Scope } from './scheduler.ts';
import type { Life, SimNode } from './sim-node.ts';

const DIALECT = ySweet(false);
const INBOX_BYTES_MAX = 1024 * 1024;

export interface SocketEvents {
  onOpen(): void;
  onFrame(message: Uint8Array): void;
  onClose(reason: string): void;
}

export interface SocketOptions {
  readonly client: Scope;
  readonly node: SimNode;
  readonly document: DocumentName;
  readonly durability: DurabilityLevel;
  readonly random: Random;
  /** One way, at most. */
  readonly latencyMsMax: number;
  readonly events: SocketEvents;
}

export class VirtualSocket {
  readonly node: SimNode;
  readonly #options: SocketOptions;
  #server: ServerEnd | null = null;
  #isCut = false;
  #isClosed = false;
  #lastUpMs = 0;
  #lastDownMs = 0;

  constructor(options: SocketOptions) {
    this.#options = options;
    this.node = options.node;
    this.#up(() => {
      this.#accept();
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  send(message: Uint8Array): void {
    if (this.#isClosed || this.#isCut) return;
    const server = (): void => this.#server?.receive(message);
    this.#up(server);
  }

  /** The editor closes: the node hears of it, unless the line is cut. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#isCut) this.#up(() => this.#server?.gone());
  }

  /** Nothing passes any more. The node finds out after `nodeMs`, the editor after `editorMs`. */
  cut(editorMs: number, nodeMs: number): void {
    if (this.#isCut || this.#isClosed) return;
    this.#isCut = true;
    const server = this.#server;
    server?.scope.setTimeout(() => {
      server.gone();
    }, nodeMs);
    this.#options.client.setTimeout(() => {
      this.#closed('cut');
    }, editorMs);
  }

  /** For the node's end. */
  deliver(messages: readonly Uint8Array[], onDelivered: () => void): void {
    if (this.#isCut) return;
    this.#down(() => {
      onDelivered();
      for (const message of messages) {
        if (!this.#isClosed) this.#options.events.onFrame(message);
      }
    });
  }

  closedByNode(code: string): void {
    this.#down(() => {
      this.#closed(code);
    });
  }

  #accept(): void {
    const { node, document, durability } = this.#options;
    const { life } = node;
    const refusal = life === null || node.status !== 'up' ? 'refused' : life.connections.refusal;
    if (life === null || refusal !== null) {
      this.#down(() => {
        this.#closed(refusal ?? 'refused');
      });
      return;
    }
    this.#server = new ServerEnd(this, life, node.settings.sendBufferBytes, durability, document);
    this.#down(() => {
      if (!this.#isClosed) this.#options.events.onOpen();
    });
  }

  #closed(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isCut = true;
    this.#options.events.onClose(reason);
  }

  /** To the node: runs in its time, if it is still the same life. */
  #up(deliver: () => void): void {
    const { client, random, latencyMsMax, node } = this.#options;
    const atMs = Math.max(client.now() + random.float() * latencyMsMax, this.#lastUpMs);
    this.#lastUpMs = atMs;
    const timers: Timers = this.#server?.scope ?? node.life?.scope ?? client;
    timers.setTimeout(() => {
      if (!this.#isCut) deliver();
    }, atMs - client.now());
  }

  #down(deliver: () => void): void {
    const { client, random, latencyMsMax } = this.#options;
    const atMs = Math.max(client.now() + random.float() * latencyMsMax, this.#lastDownMs);
    this.#lastDownMs = atMs;
    client.setTimeout(() => {
      if (!this.#isCut) deliver();
    }, atMs - client.now());
  }
}

/** The node's end: what gateway and connection are for a WebSocket. */
class ServerEnd implements Outlet {
  readonly wire: Wire = DIALECT.wire;
  readonly scope: Scope;
  readonly #socket: VirtualSocket;
  readonly #life: Life;
  readonly #session: Session;
  readonly #member: Parameters<Life['connections']['add']>[0];
  #waiting: Uint8Array[] = [];
  #isReading = true;
  #isClosing = false;
  #lastSentMs = 0;
  #onDrained: (() => void)[] = [];
  bufferedBytes = 0;

  constructor(
    socket: VirtualSocket,
    life: Life,
    sendBufferBytes: number,
    durability: DurabilityLevel,
    document: DocumentName,
  ) {
    this.#socket = socket;
    this.#life = life;
    this.scope = life.scope;
    const limits = { inboxBytesMax: INBOX_BYTES_MAX, sendBufferBytes };
    const session = new Session(this, limits, durability);
    this.#session = session;
    this.#member = {
      session,
      document,
      transport: 'websocket',
      openedMs: this.scope.now(),
      askedMs: this.scope.now(),
      sweep: (nowMs) => nowMs - this.#lastSentMs,
      setStoreFull: (isFull) => {
        this.setReading(!isFull);
      },
      terminate: () => {
        this.gone();
      },
    };
    life.connections.add(this.#member);
    life.registry.open(document).then(
      (room) => {
        if (room.isDisposed) session.close('document-reset');
        else session.enter(room);
      },
      (error: unknown) => {
        session.close(error instanceof ProtocolError ? error.code : 'internal');
      },
    );
  }

  get isClosed(): boolean {
    return this.#isClosing;
  }

  send(frame: Frame): void {
    if (this.#isClosing) return;
    this.#lastSentMs = this.scope.now();
    const bytes = frameBytes(frame);
    this.bufferedBytes += bytes;
    this.#socket.deliver([...payloadsOf(frame)], () => {
      this.bufferedBytes -= bytes;
      if (this.bufferedBytes === 0) this.#drained();
    });
  }

  onDrain(callback: () => void): void {
    if (this.bufferedBytes === 0 || this.#isClosing) this.scope.setImmediate(callback);
    else this.#onDrained.push(callback);
  }

  setReading(isReading: boolean): void {
    this.#isReading = isReading;
    while (this.#isReading) {
      const message = this.#waiting.shift();
      if (message === undefined) return;
      this.receive(message);
    }
  }

  receive(message: Uint8Array): void {
    if (this.#isClosing) return;
    if (!this.#isReading) {
      this.#waiting.push(message);
      return;
    }
    const decoded = DIALECT.decode(message);
    if (!decoded.ok) throw new Error(`an editor's frame is refused: ${decoded.detail}`);
    for (const part of decoded.messages) this.#session.receive(part);
  }

  close(code: ErrorCode, detail?: string): void {
    if (this.#isClosing) return;
    this.#socket.closedByNode(detail === undefined ? code : `${code}: ${detail}`);
    this.#leave();
  }

  /** The other end is gone. */
  gone(): void {
    this.#leave();
  }

  #leave(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#drained();
    this.#session.leave();
    this.#life.connections.delete(this.#member);
  }

  #drained(): void {
    const callbacks = this.#onDrained;
    this.#onDrained = [];
    for (const callback of callbacks) this.scope.setImmediate(callback);
  }
}

/** Takes the messages out of their WebSocket frames: a room's frame may hold several in a row. */
function* payloadsOf(frame: Frame): Generator<Uint8Array> {
  const bytes = Buffer.concat(frame);
  let at = 0;
  while (at < bytes.length) {
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    const length =
      short < 126
        ? short
        : short === 126
          ? bytes.readUInt16BE(at + 2)
          : Number(bytes.readBigUInt64BE(at + 2));
    at = start + length;
    yield bytes.subarray(start, at);
  }
}
