/**
 * A link that can be broken on purpose, one direction at a time: a TCP proxy between two processes. `up` is what the
 * client sends, `down` what the server answers. What it did to the link it counts: a fault that left no count did not
 * happen. Needs no root.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createLane, Pipe, reset, type Flow, type Lane, type MakeTap } from './pipe.ts';

export type Direction = 'up' | 'down';
const LOOPBACK = '127.0.0.1';
const DIRECTIONS: readonly Direction[] = ['up', 'down'];

/** Looks into a connection's streams; one pair a connection. */
export interface Taps {
  readonly up: MakeTap | null;
  readonly down: MakeTap | null;
}

export interface LinkProxyOptions {
  /** As people read it: `eu-1 → redis us`. */
  readonly name: string;
  /** Of the server. */
  readonly port: number;
  /** Of the server; without it on loopback. */
  readonly host?: string;
  /** Where clients connect to; without it on loopback. */
  readonly bind?: string;
  readonly random: () => number;
  readonly makeTaps?: () => Taps;
}

interface Connection {
  readonly client: Socket;
  readonly up: Pipe;
  readonly down: Pipe;
}

export interface LinkCounts {
  readonly accepted: number;
  readonly refused: number;
  readonly resets: number;
}

export class LinkProxy {
  readonly name: string;
  readonly #options: LinkProxyOptions;
  readonly #listener: Server;
  readonly #connections = new Set<Connection>();
  readonly #lanes: Readonly<Record<Direction, Lane>> = { up: createLane(), down: createLane() };
  #isRefusing = false;
  #accepted = 0;
  #refused = 0;
  #resets = 0;

  private constructor(options: LinkProxyOptions) {
    this.name = options.name;
    this.#options = options;
    // Each side may end on its own: an end is passed on, not answered.
    this.#listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      this.#accept(client);
    });
  }

  static async start(options: LinkProxyOptions): Promise<LinkProxy> {
    const proxy = new LinkProxy(options);
    proxy.#listener.listen(0, options.bind ?? LOOPBACK);
    await once(proxy.#listener, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  get counts(): LinkCounts {
    return { accepted: this.#accepted, refused: this.#refused, resets: this.#resets };
  }

  lane(direction: Direction): Readonly<Lane> {
    return this.#lanes[direction];
  }

  /** Whether anything is broken here on purpose. */
  get isWhole(): boolean {
    return !this.#isRefusing && DIRECTIONS.every((direction) => isWhole(this.#lanes[direction]));
  }

  set(direction: Direction, flow: Flow): void {
    this.#lanes[direction].flow = flow;
    for (const connection of this.#connections) {
      if (flow === 'flow' && connection[direction].hasLost) this.#cut(connection);
      else connection[direction].pump();
    }
  }

  /** Latency of what comes from now on. */
  delay(delayMs: number, jitterMs: number = 0): void {
    for (const direction of DIRECTIONS) {
      this.#lanes[direction].delayMs = delayMs;
      this.#lanes[direction].jitterMs = jitterMs;
    }
  }

  throttle(direction: Direction, bytesPerSecond: number | null): void {
    this.#lanes[direction].bytesPerSecond = bytesPerSecond;
    for (const connection of this.#connections) connection[direction].pump();
  }

  cutMidFrame(direction: Direction): void {
    this.#lanes[direction].cutsNext = true;
  }

  /** Both ways, as behind a route that leads nowhere; new connections hang, too. */
  cut(): void {
    for (const direction of DIRECTIONS) this.set(direction, 'drop');
  }

  /** Everything flows again. */
  heal(): void {
    this.#isRefusing = false;
    for (const direction of DIRECTIONS) {
      const lane = this.#lanes[direction];
      lane.delayMs = 0;
      lane.jitterMs = 0;
      lane.bytesPerSecond = null;
      lane.cutsNext = false;
      this.set(direction, 'flow');
    }
  }

  /** Cuts every connection as a crashed peer would. */
  resetAll(): void {
    for (const connection of this.#connections) this.#cut(connection);
  }

  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing;
  }

  async close(): Promise<void> {
    this.resetAll();
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    await closed;
  }

  #accept(client: Socket): void {
    if (this.#isRefusing) {
      this.#refused += 1;
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    this.#accepted += 1;
    const { port, host = LOOPBACK, random, makeTaps } = this.#options;
    const server = connect({ port, host, allowHalfOpen: true, noDelay: true });
    const taps = makeTaps?.() ?? { up: null, down: null };
    const onCut = (): void => {
      this.#cut(connection);
    };
    const pipe = (direction: Direction, from: Socket, to: Socket): Pipe =>
      new Pipe({
        from,
        to,
        lane: this.#lanes[direction],
        makeTap: taps[direction],
        random,
        onCut,
      });
    const connection: Connection = {
      client,
      up: pipe('up', client, server),
      down: pipe('down', server, client),
    };
    this.#connections.add(connection);
    for (const socket of [client, server]) {
      socket.on('close', () => {
        if (client.destroyed && server.destroyed) this.#connections.delete(connection);
      });
    }
  }

  #cut(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    this.#resets += 1;
    connection.up.stop();
    connection.down.stop();
    reset(connection.client);
  }
}

function isWhole(lane: Lane): boolean {
  const { flow, delayMs, jitterMs, bytesPerSecond } = lane;
  return flow === 'flow' && delayMs === 0 && jitterMs === 0 && bytesPerSecond === null;
}
