/**
 * The WebSocket edge: upgrades, the set of connections, the once-a-second sweep over them (heartbeat,
 * keep-alive, stalls, slow acks) and the goodbye in waves. Knows sockets and sessions; nothing of Yjs.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type ServerOptions } from 'ws';
import { isOriginAllowed, type OriginPolicy } from '../access/origin.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import { ERRORS, ProtocolError, type ErrorCode } from '../protocol/errors.ts';
import type { Registry } from '../rooms/registry.ts';
import type { ClientMessage } from '../rooms/outlet.ts';
import { Session, type SessionLimits } from '../rooms/session.ts';
import { pause, type TimerHandle, type Timers } from '../rooms/timers.ts';
import {
  Connection,
  ConnectionSocket,
  type ConnectionContext,
  type ConnectionEvents,
  type ConnectionLimits,
} from './connection.ts';
import { yProtocols } from './dialects/y-protocols.ts';
import { parseTarget } from './upgrade.ts';

export interface GatewayOptions {
  readonly registry: Registry;
  readonly timers: Timers;
  readonly limits: ConnectionLimits & SessionLimits & { readonly connectionsMax: number };
  readonly origins: OriginPolicy;
  readonly observer: GatewayObserver;
}

export interface GatewayObserver {
  readonly onUpgradeRefused: (code: ErrorCode) => void;
  readonly onOpened: (document: DocumentName) => void;
  readonly onClosed: (document: DocumentName, closeCode: number) => void;
}

const SWEEP_MS = 1000;
/** A held ack is answered with the last durable one this often; Y-Sweet clients give up after 3 s. */
const REASSURE_MS = 1000;
const ASK_AGAIN_MS = 10_000;
/** On drain, connections are closed in this many waves. */
const WAVES = 20;
/** Fewer connections than this are no herd: they are closed at once. */
const HERD = 100;
const RETRY_AFTER_S = 2;
/** Fragments of one message: no client of these dialects fragments; `ws` allows 16,384. */
const FRAGMENTS_MAX = 1024;
/** How long a client may take to answer a close frame. */
const CLOSE_TIMEOUT_MS = 5000;

/** A connection and its session, from the upgrade to the close. */
class Member implements ConnectionEvents {
  readonly connection: Connection;
  readonly session: Session;
  readonly document: DocumentName;
  askedMs: number;
  readonly #leave: (member: Member, closeCode: number) => void;

  constructor(
    connection: Connection,
    limits: SessionLimits,
    document: DocumentName,
    nowMs: number,
    leave: (member: Member, closeCode: number) => void,
  ) {
    this.connection = connection;
    this.session = new Session(connection, limits);
    this.document = document;
    this.askedMs = nowMs;
    this.#leave = leave;
  }

  onMessage(message: ClientMessage): void {
    this.session.receive(message);
  }

  onClose(closeCode: number): void {
    this.session.leave();
    this.#leave(this, closeCode);
  }
}

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #server: WebSocketServer;
  readonly #connectionContext: ConnectionContext;
  readonly #members = new Set<Member>();
  #sweepTimer: TimerHandle | null = null;
  #isDraining = false;
  #isStoreFull = false;

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { timers, limits } = options;
    this.#connectionContext = { dialect: yProtocols, timers, limits };
    // `closeTimeout` is newer than the types of `ws`.
    const serverOptions: ServerOptions & {
      readonly closeTimeout: number;
    } = {
      WebSocket: ConnectionSocket,
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.limits.frameBytesMax,
      maxFragments: FRAGMENTS_MAX,
      closeTimeout: CLOSE_TIMEOUT_MS,
    };
    this.#server = new WebSocketServer(serverOptions);
  }

  get connectionCount(): number {
    return this.#members.size;
  }

  start(): void {
    this.#scheduleSweep();
  }

  /** Answers an HTTP upgrade: a WebSocket in a room, or an HTTP error on the raw socket. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const target = parseTarget(request.url);
    const refusal = target.ok ? this.#refusalOf(request) : target.code;
    if (refusal !== null || !target.ok) {
      this.#refuse(socket, refusal ?? 'not-found');
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      // Made by the class that the server was given.
      this.#accept(webSocket as ConnectionSocket, socket as Socket, target.document);
    });
  }

  /** Stops or restarts reading from every connection: the store's queue is bounded. [I6] */
  setStoreFull(isFull: boolean): void {
    this.#isStoreFull = isFull;
    for (const { connection } of this.#members) connection.setStoreFull(isFull);
  }

  /** New upgrades are refused; those who are here stay until `closeAll`. */
  startDraining(): void {
    this.#isDraining = true;
  }

  /** Says goodbye in waves, so that the clients do not all reconnect in the same instant. */
  async closeAll(spreadMs: number): Promise<void> {
    const members = [...this.#members];
    const waves = members.length < HERD ? 1 : WAVES;
    const perWave = Math.ceil(members.length / waves);
    for (let start = 0; start < members.length; start += perWave) {
      for (const { session } of members.slice(start, start + perWave)) session.close('draining');
      if (start + perWave < members.length) await pause(this.#options.timers, spreadMs / waves);
    }
  }

  /** Ends what is left without waiting for anybody. */
  stop(): void {
    this.#isDraining = true;
    if (this.#sweepTimer !== null) this.#options.timers.clearTimeout(this.#sweepTimer);
    this.#sweepTimer = null;
    for (const { connection } of this.#members) connection.terminate();
  }

  #refusalOf(request: IncomingMessage): ErrorCode | null {
    if (this.#isDraining) return 'draining';
    if (!isOriginAllowed(request, this.#options.origins)) return 'origin-refused';
    if (this.#members.size >= this.#options.limits.connectionsMax) return 'overloaded';
    return null;
  }

  #refuse(socket: Duplex, code: ErrorCode): void {
    const { http, meaning } = ERRORS[code];
    this.#options.observer.onUpgradeRefused(code);
    const body = `${code}: ${meaning}\n`;
    socket.on('error', () => socket.destroy());
    socket.end(
      `HTTP/1.1 ${http} ${code}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
        (http === 503 ? `Retry-After: ${RETRY_AFTER_S}\r\n` : '') +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }

  #accept(webSocket: ConnectionSocket, socket: Socket, document: DocumentName): void {
    const { timers, limits, observer, registry } = this.#options;
    socket.setNoDelay(true);
    const makeMember = (connection: Connection): Member =>
      new Member(connection, limits, document, timers.now(), this.#leave);
    let member: Member | undefined;
    const connection = new Connection(webSocket, socket, this.#connectionContext, (made) => {
      member = makeMember(made);
      return member;
    });
    if (member === undefined) return;
    const { session } = member;
    this.#members.add(member);
    if (this.#isStoreFull) connection.setStoreFull(true);
    observer.onOpened(document);
    registry.open(document).then(
      (room) => {
        if (room.isDisposed) session.close('document-reset');
        else session.enter(room);
      },
      (error: unknown) => {
        // The registry has reported it; here the client is told. [I8]
        session.close(error instanceof ProtocolError ? error.code : 'internal');
      },
    );
  }

  readonly #leave = (member: Member, closeCode: number): void => {
    this.#members.delete(member);
    this.#options.observer.onClosed(member.document, closeCode);
  };

  #scheduleSweep(): void {
    this.#sweepTimer = this.#options.timers.setTimeout(() => {
      this.#sweep();
      this.#scheduleSweep();
    }, SWEEP_MS);
  }

  #sweep(): void {
    const { timers, limits } = this.#options;
    const nowMs = timers.now();
    for (const member of this.#members) {
      const silentMs = member.connection.sweep(nowMs);
      const { session } = member;
      if (session.isWaitingForAck && silentMs >= REASSURE_MS) session.reassure();
      else if (silentMs >= limits.keepAliveMs) session.keepAlive();
      if (nowMs - member.askedMs >= ASK_AGAIN_MS) {
        member.askedMs = nowMs;
        session.askAgain();
      }
    }
  }
}
