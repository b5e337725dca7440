/**
 * The WebSocket edge: answers upgrades and joins connections to rooms. Knows sockets and sessions; nothing of Yjs.
 *
 *   upgrade ─▶ target, origin, room for one more, rate ──no──▶ HTTP error on the raw socket
 *                 └─ token ─▶ identity ─▶ level ──no──▶ 101, then 4401 / 4403 / 1013
 *                                            └──▶ 101 ─▶ session in its room
 *
 * Tokens come with the upgrade, and nothing is read from a socket before the answer to them is known: before it
 * is let in, a client costs a socket and no buffer. Who is refused for a token still gets a handshake, because
 * browsers cannot see why one failed, and stock clients would try for ever. [I6] [I7]
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type ServerOptions } from 'ws';
import { allows, type AccessControl } from '../access/access.ts';
import { callerOf } from '../access/caller.ts';
import { isOriginAllowed, type OriginPolicy } from '../access/origin.ts';
import type { RateLimits } from '../access/rate-limits.ts';
import { echoedProtocol, tokenOf } from '../access/token-source.ts';
import type { Connected, Connections } from '../connections/connections.ts';
import { Pass, type PassContext } from '../connections/pass.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import { ERRORS, ProtocolError, type ErrorCode } from '../protocol/errors.ts';
import type { Registry } from '../rooms/registry.ts';
import type { ClientMessage } from '../rooms/outlet.ts';
import { levelOf, type DurabilityLevel, type DurabilityOffer } from '../rooms/replication.ts';
import { Session, type SessionLimits } from '../rooms/session.ts';
import type { Timers } from '../rooms/timers.ts';
import {
  Connection,
  ConnectionSocket,
  type ConnectionContext,
  type ConnectionEvents,
  type ConnectionLimits,
} from './connection.ts';
import { yWebsocket, ySweet } from './dialects/y-protocols.ts';
import { parseTarget, type Target } from './upgrade.ts';

export interface GatewayOptions {
  readonly registry: Registry;
  readonly connections: Connections;
  readonly access: AccessControl;
  readonly rates: RateLimits;
  readonly timers: Timers;
  readonly limits: GatewayLimits;
  readonly durability: DurabilityOffer;
  readonly origins: OriginPolicy;
  readonly observer: GatewayObserver;
}

export interface GatewayLimits extends ConnectionLimits, SessionLimits {
  /** Frames of a connection that was not let in. */
  readonly preauthBytes: number;
  readonly recheckIntervalMs: number;
  readonly rateWindowMs: number;
  /** Proxies whose X-Forwarded-For is believed. */
  readonly trustProxy: number;
}

export interface GatewayObserver {
  readonly onUpgradeRefused: (code: ErrorCode) => void;
  readonly onOpened: (document: DocumentName) => void;
  readonly onClosed: (document: DocumentName, closeCode: number) => void;
  /** A bug of ours. */
  readonly onError: (error: unknown) => void;
}

/** A target, and what acks mean on it. */
type Admitted = Omit<Target & { readonly ok: true }, 'durability'> & {
  readonly durability: DurabilityLevel;
};

type Upgrade = {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly target: Admitted;
};

const RETRY_AFTER_S = 2;
/** Fragments of one message: no client of these dialects fragments; `ws` allows 16,384. */
const FRAGMENTS_MAX = 1024;
/** How long a client may take to answer a close frame. */
const CLOSE_TIMEOUT_MS = 5000;

/** A connection and its session, from the upgrade to the close. */
class Member implements ConnectionEvents, Connected {
  readonly connection: Connection;
  readonly session: Session;
  readonly pass: Pass | null;
  readonly document: DocumentName;
  readonly transport = 'websocket';
  readonly openedMs: number;
  askedMs: number;
  readonly #leave: (member: Member, closeCode: number) => void;

  constructor(
    connection: Connection,
    limits: SessionLimits,
    { document, durability }: Admitted,
    pass: Pass | null,
    nowMs: number,
    leave: (member: Member, closeCode: number) => void,
  ) {
    this.connection = connection;
    const session = new Session(connection, limits, durability);
    this.session = session;
    this.pass = pass;
    this.document = document;
    this.openedMs = nowMs;
    this.askedMs = nowMs;
    this.#leave = leave;
    if (pass === null) return;
    session.setCanWrite(pass.canWrite);
    session.subject = pass.identity.subject;
    session.onToken = (token) => pass.renew(token, session);
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
    if (this.pass !== null && (message.type === 'update' || message.type === 'sync-step-2')) {
      const refusal = this.pass.refusal();
      if (refusal !== null) {
        this.session.close(refusal);
        return;
      }
    }
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
  /** Shakes hands with those who are not let in, to tell them why. */
  readonly #refusals: WebSocketServer;
  readonly #yWebsocket: ConnectionContext;
  readonly #ySweet: ConnectionContext;
  readonly #passContext: PassContext;

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { timers, limits, access } = options;
    this.#yWebsocket = { dialect: yWebsocket, timers, limits };
    this.#ySweet = { dialect: ySweet, timers, limits };
    this.#passContext = { access, timers, recheckIntervalMs: limits.recheckIntervalMs };
    // `closeTimeout` is newer than the types of `ws`.
    const serverOptions: ServerOptions & {
      readonly closeTimeout: number;
    } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxFragments: FRAGMENTS_MAX,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: echoedProtocol,
    };
    this.#server = new WebSocketServer({
      ...serverOptions,
      WebSocket: ConnectionSocket,
      maxPayload: limits.frameBytesMax,
    });
    this.#refusals = new WebSocketServer({ ...serverOptions, maxPayload: limits.preauthBytes });
  }

  /** Answers an HTTP upgrade: a WebSocket in a room, or an HTTP error on the raw socket. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { access, rates, limits } = this.#options;
    const target = parseTarget(request.url);
    const refusal = target.ok ? this.#refusalOf(request) : target.code;
    if (refusal !== null || !target.ok) {
      this.#refuse(socket, refusal ?? 'not-found');
      return;
    }
    const durability = levelOf(target.durability, this.#options.durability);
    if (durability === null) {
      this.#refuse(socket, 'invalid-request');
      return;
    }
    const upgrade: Upgrade = { request, socket, head, target: { ...target, durability } };
    const verdict = rates.takeUpgrade(callerOf(request, limits.trustProxy).address);
    if (verdict === null && !access.isEnforced) {
      this.#open(upgrade, null);
      return;
    }
    const release = this.#options.connections.reserve();
    socket.on('error', () => socket.destroy());
    this.#admit(upgrade, verdict, release).catch((error: unknown) => {
      release();
      this.#options.observer.onError(error);
      this.#refuse(socket, 'internal');
    });
  }

  async #admit(
    upgrade: Upgrade,
    rate: ReturnType<RateLimits['takeUpgrade']>,
    release: () => void,
  ): Promise<void> {
    const { request, socket } = upgrade;
    const verdict = await rate;
    if (verdict?.isAllowed === false) {
      release();
      this.#refuse(socket, 'rate-limited', verdict.retryAfterS);
      return;
    }
    const token = tokenOf(request);
    if (!token.ok) {
      release();
      this.#refuse(socket, token.code);
      return;
    }
    const pass = await this.#passOf(upgrade, token.token);
    if (this.#options.connections.refusal === 'draining') {
      release();
      this.#refuse(socket, 'draining');
    } else if (pass === 'rate-limited') {
      // Too many bad tokens from there: an HTTP error is the least that can be spent on it.
      release();
      this.#refuse(socket, pass, Math.ceil(this.#options.limits.rateWindowMs / 1000));
    } else if (typeof pass === 'string') {
      this.#turnAway(upgrade, pass, release);
    } else {
      release();
      this.#open(upgrade, pass);
    }
  }

  /** What lets the caller in, null when nothing is asked for, or why it is not let in. */
  async #passOf(
    { request, target }: Upgrade,
    token: string | null,
  ): Promise<Pass | ErrorCode | null> {
    const { access, limits } = this.#options;
    if (!access.isEnforced) return null;
    const caller = callerOf(request, limits.trustProxy);
    const result = await access.authenticate(token, caller);
    if (!result.ok) return result.code;
    try {
      const level = await access.accessTo(result.identity, target.document);
      if (!allows(level, 'read')) return 'forbidden';
      return new Pass(this.#passContext, caller, target.document, result.identity, level);
    } catch (error) {
      if (error instanceof ProtocolError) return error.code;
      throw error;
    }
  }

  #refusalOf(request: IncomingMessage): ErrorCode | null {
    const { origins, connections } = this.#options;
    if (connections.refusal === 'draining') return 'draining';
    if (!isOriginAllowed(request, origins)) return 'origin-refused';
    return connections.refusal;
  }

  #refuse(socket: Duplex, code: ErrorCode, retryAfterS: number = RETRY_AFTER_S): void {
    const { http, meaning } = ERRORS[code];
    this.#options.observer.onUpgradeRefused(code);
    const body = `${code}: ${meaning}\n`;
    socket.on('error', () => socket.destroy());
    socket.end(
      `HTTP/1.1 ${http} ${code}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
        (http === 503 || http === 429 ? `Retry-After: ${retryAfterS}\r\n` : '') +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }

  /** Completes the handshake to say why there is none. The place is kept until the socket is gone. */
  #turnAway({ request, socket, head }: Upgrade, code: ErrorCode, release: () => void): void {
    const { observer } = this.#options;
    observer.onUpgradeRefused(code);
    socket.once('close', release);
    if (socket.destroyed) release();
    this.#refusals.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => undefined);
      webSocket.close(ERRORS[code].close, code);
    });
  }

  #open({ request, socket, head, target }: Upgrade, pass: Pass | null): void {
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      // Made by the class that the server was given.
      this.#accept(webSocket as ConnectionSocket, socket as Socket, target, pass);
    });
  }

  #accept(webSocket: ConnectionSocket, socket: Socket, target: Admitted, pass: Pass | null): void {
    const { document, isYSweet } = target;
    const { timers, limits, observer, registry, connections } = this.#options;
    socket.setNoDelay(true);
    const makeMember = (connection: Connection): Member =>
      new Member(connection, limits, target, pass, timers.now(), this.#leave);
    let member: Member | undefined;
    // It gives itself to the socket.
    void new Connection(webSocket, socket, isYSweet ? this.#ySweet : this.#yWebsocket, (made) => {
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
