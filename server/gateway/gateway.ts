/** The WebSocket edge: answers upgrades and joins connections to rooms. Knows sockets and sessions; nothing of Yjs. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type ServerOptions } from 'ws';
import { isOriginAllowed, type OriginPolicy } from '../access/origin.ts';
import type { Connected, Connections } from '../connections/connections.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import { ERRORS, ProtocolError, type ErrorCode } from '../protocol/errors.ts';
import type { Registry } from '../rooms/registry.ts';
import type { ClientMessage } from '../rooms/outlet.ts';
import { Session, type SessionLimits } from '../rooms/session.ts';
import type { Timers } from '../rooms/timers.ts';
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
  readonly connections: Connections;
  readonly timers: Timers;
  readonly limits: ConnectionLimits & SessionLimits;
  readonly origins: OriginPolicy;
  readonly observer: GatewayObserver;
}

export interface GatewayObserver {
  readonly onUpgradeRefused: (code: ErrorCode) => void;
  readonly onOpened: (document: DocumentName) => void;
  readonly onClosed: (document: DocumentName, closeCode: number) => void;
}

const RETRY_AFTER_S = 2;
/** Fragments of one message: no client of these dialects fragments; `ws` allows 16,384. */
const FRAGMENTS_MAX = 1024;
/** How long a client may take to answer a close frame. */
const CLOSE_TIMEOUT_MS = 5000;

/** A connection and its session, from the upgrade to the close. */
class Member implements ConnectionEvents, Connected {
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

  sweep(nowMs: number): number {
    return this.connection.sweep(nowMs);
  }

  setStoreFull(isFull: boolean): void {
    this.connection.setStoreFull(isFull);
  }

  terminate(): void {
    this.connection.terminate();
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

  #refusalOf(request: IncomingMessage): ErrorCode | null {
    const { origins, connections } = this.#options;
    if (connections.refusal === 'draining') return 'draining';
    if (!isOriginAllowed(request, origins)) return 'origin-refused';
    return connections.refusal;
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
    const { timers, limits, observer, registry, connections } = this.#options;
    socket.setNoDelay(true);
    const makeMember = (connection: Connection): Member =>
      new Member(connection, limits, document, timers.now(), this.#leave);
    let member: Member | undefined;
    // It gives itself to the socket.
    void new Connection(webSocket, socket, this.#connectionContext, (made) => {
      member = makeMember(made);
      return member;
    });
    if (member === undefined) return;
    const { session } = member;
    connections.add(member);
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
    this.#options.connections.delete(member);
    this.#options.observer.onClosed(member.document, closeCode);
  };
}
