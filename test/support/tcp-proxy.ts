/**
 * A TCP link that can be broken on purpose, one direction at a time. `up` is what the client sends, `down` what
 * the server answers.
 *
 *   flow   bytes pass, `delayMs` later if one is set (latency costs no throughput), and no faster than
 *          `bytesPerSecond`, which all connections share
 *   hold   bytes wait, as behind a cable that was pulled: nobody is told, nothing is lost, senders' buffers fill up;
 *          `flow` lets everything go
 *   drop   bytes vanish. A stream that has lost some can't be healed: on `flow` its connection is reset
 *
 * Ends and resets wait and vanish like bytes. `reset()` cuts every connection as a crashed peer would, `refuse`
 * resets new ones. A connection is read no further when `BUFFER_BYTES_MAX` of it wait here.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export type Direction = 'up' | 'down';
export type Flow = 'flow' | 'hold' | 'drop';

/** Where to: a port on loopback, or a unix socket. */
export type ProxyTarget = { readonly port: number } | { readonly path: string };

const BUFFER_BYTES_MAX: number = 1024 * 1024;

interface Lane {
  flow: Flow;
  delayMs: number;
  bytesPerSecond: number;
  /** When the last byte that is on its way will have left. */
  freeAtMs: number;
  /** Bytes that have passed. */
  bytes: number;
}

type Item =
  | { readonly kind: 'data'; readonly data: Buffer; readonly dueMs: number }
  | { readonly kind: 'end' | 'reset'; readonly dueMs: number };

/** One direction of one connection. */
class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #lane: Lane;
  #items: Item[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #isBlocked = false;
  hasLost = false;

  constructor(from: Socket, to: Socket, lane: Lane) {
    this.#from = from;
    this.#to = to;
    this.#lane = lane;
    from.on('data', (data: Buffer) => {
      this.#bytes += data.length;
      this.#push({ kind: 'data', data, dueMs: this.#dueMs(data.length) });
      if (this.#bytes > BUFFER_BYTES_MAX) from.pause();
    });
    from.on('end', () => {
      this.#push({ kind: 'end', dueMs: this.#dueMs() });
    });
    from.on('error', () => {
      this.#push({ kind: 'reset', dueMs: this.#dueMs() });
    });
    to.on('drain', () => {
      this.#isBlocked = false;
      this.pump();
    });
  }

  /** When what arrives now comes out: after everything before it has left, and the way. */
  #dueMs(bytes = 0): number {
    const lane = this.#lane;
    lane.freeAtMs =
      Math.max(performance.now(), lane.freeAtMs) + (bytes * 1000) / lane.bytesPerSecond;
    return lane.freeAtMs + lane.delayMs;
  }

  /** Passes on what may pass by now. */
  pump(): void {
    if (this.#lane.flow === 'drop') this.#lose();
    while (this.#lane.flow === 'flow' && !this.#isBlocked) {
      const item = this.#items[0];
      if (item === undefined) break;
      const waitMs = item.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer ??= setTimeout(() => {
          this.#timer = null;
          this.pump();
        }, waitMs);
        break;
      }
      this.#items.shift();
      this.#pass(item);
    }
    if (this.#bytes <= BUFFER_BYTES_MAX && this.#from.isPaused()) this.#from.resume();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#items = [];
    reset(this.#from);
  }

  #push(item: Item): void {
    this.#items.push(item);
    this.pump();
  }

  #pass(item: Item): void {
    if (item.kind === 'data') {
      this.#bytes -= item.data.length;
      this.#lane.bytes += item.data.length;
      this.#isBlocked = this.#to.writable && !this.#to.write(item.data);
    } else if (item.kind === 'end') this.#to.end();
    else reset(this.#to);
  }

  #lose(): void {
    if (this.#items.length > 0) this.hasLost = true;
    this.#items = [];
    this.#bytes = 0;
  }
}

interface Connection {
  readonly client: Socket;
  readonly up: Pipe;
  readonly down: Pipe;
}

export class TcpProxy {
  readonly #target: ProxyTarget;
  readonly #listener: Server;
  readonly #connections = new Set<Connection>();
  readonly #lanes: Readonly<Record<Direction, Lane>> = {
    up: { flow: 'flow', delayMs: 0, bytesPerSecond: Infinity, freeAtMs: 0, bytes: 0 },
    down: { flow: 'flow', delayMs: 0, bytesPerSecond: Infinity, freeAtMs: 0, bytes: 0 },
  };
  #isRefusing = false;
  /** Connections made since the start. */
  accepted = 0;

  private constructor(target: ProxyTarget) {
    this.#target = target;
    // Each side may end on its own: an end is passed on, not answered.
    this.#listener = createServer({ allowHalfOpen: true }, (client) => {
      this.#accept(client);
    });
  }

  static async start(target: ProxyTarget): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    proxy.#listener.listen(0, '127.0.0.1');
    await once(proxy.#listener, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  bytes(direction: Direction): number {
    return this.#lanes[direction].bytes;
  }

  set(direction: Direction, flow: Flow): void {
    this.#lanes[direction].flow = flow;
    for (const connection of this.#connections) {
      if (flow === 'flow' && connection[direction].hasLost) this.#cut(connection);
      else connection[direction].pump();
    }
  }

  /** Latency of what comes from now on. */
  delay(direction: Direction, delayMs: number): void {
    this.#lanes[direction].delayMs = delayMs;
  }

  /** Bandwidth of what comes from now on, of all connections together; Infinity: any. */
  throttle(direction: Direction, bytesPerSecond: number): void {
    this.#lanes[direction].bytesPerSecond = bytesPerSecond;
  }

  reset(): void {
    for (const connection of this.#connections) this.#cut(connection);
  }

  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing;
  }

  async close(): Promise<void> {
    this.reset();
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    await closed;
  }

  #accept(client: Socket): void {
    this.accepted += 1;
    if (this.#isRefusing) {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const server = connect({ ...this.#target, host: '127.0.0.1', allowHalfOpen: true });
    const connection: Connection = {
      client,
      up: new Pipe(client, server, this.#lanes.up),
      down: new Pipe(server, client, this.#lanes.down),
    };
    this.#connections.add(connection);
    for (const socket of [client, server]) {
      socket.on('close', () => {
        if (client.destroyed && server.destroyed) this.#connections.delete(connection);
      });
    }
  }

  #cut(connection: Connection): void {
    this.#connections.delete(connection);
    connection.up.stop();
    connection.down.stop();
  }
}

function reset(socket: Socket): void {
  // Unix sockets know no reset, and a socket without a family is one (or is connecting).
  if (socket.connecting || socket.remoteFamily === undefined) socket.destroy();
  else if (!socket.destroyed) socket.resetAndDestroy();
}
