/**
 * The WebSocket edge: answers upgrades and finds out who is there. Knows sockets and sessions; nothing of Yjs.
 *
 *   upgrade ─▶ target, origin, room for one more, rate ──no──▶ HTTP error on the raw socket
 *                 └─ token ─▶ identity ─▶ level ──no──▶ 101, then 4401 / 4403 / 1013
 *                                            └──▶ 101 ─▶ Y-Sweet's path: session in its room
 *                                                  └──▶ another path: the first frame says whose it is (first-frame.ts)
 *
 * Tokens come with the upgrade, but for Hocuspocus, whose providers send one for each document inside the socket: on a path
 * that could be theirs nobody is turned away for the want of one before the first frame. Until somebody is let in a client
 * costs a socket and at most PREAUTH_BYTES of a frame. Who is refused for a token still gets a handshake, because browsers
 * cannot see why one failed, and stock clients would try for ever. [I6] [I7]
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type ServerOptions } from 'ws';
import type { AccessControl } from '../access/access.ts';
import { callerOf } from '../access/caller.ts';
import { isOriginAllowed, type OriginPolicy } from '../access/origin.ts';
import type { RateLimits } from '../access/rate-limits.ts';
import { echoedProtocol, tokenOf } from '../access/token-source.ts';
import type { Connections } from '../connections/connections.ts';
import type { Pass } from '../connections/pass.ts';
import { ERRORS, type ErrorCode } from '../protocol/errors.ts';
import type { Registry } from '../rooms/registry.ts';
import { levelOf, type DurabilityOffer } from '../rooms/replication.ts';
import type { SessionLimits } from '../rooms/session.ts';
import type { Timers } from '../rooms/timers.ts';
import {
  Connection,
  ConnectionSocket,
  type ConnectionContext,
  type ConnectionLimits,
} from './connection.ts';
import type { Dialect, Party } from './dialects/dialect.ts';
import { HocuspocusSocket } from './dialects/hocuspocus-socket.ts';
import { Wires } from './dialects/hocuspocus.ts';
import { ySweet } from './dialects/y-sweet.ts';
import { yWebsocket } from './dialects/y-websocket.ts';
import { FirstFrame } from './first-frame.ts';
import { Member, passFor, type House, type MemberObserver, type Visitor } from './member.ts';
import { SingleDocument } from './single-document.ts';
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
  /** Y-Sweet's read-only clients are told "saved" of what was dropped, as its own server does. */
  readonly ySweetAckRejected: boolean;
}

export type GatewayObserver = MemberObserver;

interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly target: Target & { readonly ok: true };
}

/** Who stands at the door, and whether they may into the document that the path names. */
interface Entrance extends Visitor {
  /** Null: no access control, or no. */
  readonly pass: Pass | null;
  /** Why they may not; null: they may. */
  readonly refusal: ErrorCode | null;
}

const RETRY_AFTER_S = 2;
/** Fragments of one message: no client of these dialects fragments; `ws` allows 16,384. */
const FRAGMENTS_MAX = 1024;
/** How long a client may take to answer a close frame. */
const CLOSE_TIMEOUT_MS = 5000;

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #server: WebSocketServer;
  /** Shakes hands with those who are not let in, to tell them why. */
  readonly #refusals: WebSocketServer;
  /** For who has not been let in yet. */
  readonly #strangers: WebSocketServer;
  readonly #house: House;
  readonly #context: ConnectionContext;
  readonly #ySweet: Dialect;
  readonly #wires = new Wires();

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { timers, limits, access } = options;
    this.#context = { timers, limits };
    this.#ySweet = ySweet(limits.ySweetAckRejected);
    this.#house = {
      ...options,
      passes: { access, timers, recheckIntervalMs: limits.recheckIntervalMs },
    };
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
    this.#strangers = new WebSocketServer({
      ...serverOptions,
      WebSocket: ConnectionSocket,
      maxPayload: limits.preauthBytes,
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
    const upgrade: Upgrade = { request, socket, head, target };
    const caller = callerOf(request, limits.trustProxy);
    const visitor: Visitor = { caller, identity: null, durability };
    const verdict = rates.takeUpgrade(caller.address);
    if (verdict === null && !access.isEnforced) {
      this.#open(upgrade, { ...visitor, pass: null, refusal: null });
      return;
    }
    const release = this.#options.connections.reserve();
    socket.on('error', () => socket.destroy());
    this.#admit(upgrade, visitor, verdict, release).catch((error: unknown) => {
      release();
      this.#options.observer.onError(error);
      this.#refuse(socket, 'internal');
    });
  }

  async #admit(
    upgrade: Upgrade,
    visitor: Visitor,
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
    const entrance = await this.#entranceOf(upgrade.target, visitor, token.token);
    if (this.#options.connections.refusal === 'draining') {
      release();
      this.#refuse(socket, 'draining');
    } else if (entrance === 'rate-limited') {
      // Too many bad tokens from there: an HTTP error is the least that can be spent on it.
      release();
      this.#refuse(socket, entrance, Math.ceil(this.#options.limits.rateWindowMs / 1000));
    } else if (typeof entrance === 'string') {
      this.#turnAway(upgrade, entrance, release);
    } else {
      release();
      this.#open(upgrade, entrance);
    }
  }

  /** How somebody comes in, or why they do not. */
  async #entranceOf(
    { document, isYSweet }: Upgrade['target'],
    visitor: Visitor,
    token: string | null,
  ): Promise<Entrance | ErrorCode> {
    const { access } = this.#options;
    const open: Entrance = { ...visitor, pass: null, refusal: null };
    if (!access.isEnforced) return open;
    const result = await access.authenticate(token, visitor.caller);
    // A provider's tokens come in its messages.
    const mayBeLater = !isYSweet && !result.ok && result.code === 'missing-token';
    if (!result.ok) return mayBeLater ? { ...open, refusal: result.code } : result.code;
    const { identity } = result;
    if (document === null) return { ...open, identity };
    const pass = await passFor(this.#house, identity, document, visitor.caller);
    if (typeof pass !== 'string') return { ...open, identity, pass };
    return !isYSweet && pass === 'forbidden' ? { ...open, identity, refusal: pass } : pass;
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

  #open({ request, socket, head, target }: Upgrade, entrance: Entrance): void {
    const server = entrance.refusal === null ? this.#server : this.#strangers;
    server.handleUpgrade(request, socket, head, (webSocket) => {
      // Made by the class that the server was given; it was an HTTP connection.
      this.#accept(webSocket as ConnectionSocket, socket as Socket, target, entrance);
    });
  }

  #accept(
    webSocket: ConnectionSocket,
    socket: Socket,
    target: Upgrade['target'],
    entrance: Entrance,
  ): void {
    socket.setNoDelay(true);
    const makeParty = (connection: Connection): Party =>
      target.isYSweet
        ? this.#enter(connection, target, entrance, this.#ySweet)
        : this.#listen(connection, target, entrance);
    // It gives itself to the socket.
    void new Connection(webSocket, socket, this.#context, makeParty);
  }

  /** Into the document that the path names. */
  #enter(
    connection: Connection,
    { document }: Upgrade['target'],
    entrance: Entrance,
    dialect: Dialect,
  ): Party {
    if (document === null) throw new Error('no document');
    const member = new Member(connection, connection, this.#house, { ...entrance, document });
    member.enter();
    return new SingleDocument(member, dialect);
  }

  /** Waits for the first frame. */
  #listen(connection: Connection, target: Upgrade['target'], entrance: Entrance): Party {
    const { connections, timers } = this.#options;
    const { refusal } = entrance;
    const choice = {
      yWebsocket: () => {
        const code = refusal ?? (target.document === null ? 'not-found' : null);
        if (code === null) return this.#enter(connection, target, entrance, yWebsocket);
        this.#options.observer.onUpgradeRefused(code);
        return code;
      },
      hocuspocus: () => {
        connections.addSocket(connection);
        return new HocuspocusSocket(connection, this.#house, entrance, this.#wires);
      },
      handTo: (party: Party) => {
        connection.handTo(party);
      },
      close: (code: ErrorCode) => {
        this.#options.observer.onUpgradeRefused(code);
        connection.close(code);
      },
    };
    connections.addSocket(connection);
    return new FirstFrame(choice, yWebsocket.wire, refusal, timers, () => {
      connections.deleteSocket(connection);
    });
  }
}
