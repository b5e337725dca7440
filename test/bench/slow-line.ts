/**
 * A line with a latency and a bandwidth, both ways: what comes in leaves when all before it has left, and comes out
 * `delayMs` later (latency costs no throughput). All connections share the bandwidth, unlike those of a link of the chaos
 * suite. A connection is read no further when `BUFFER_BYTES_MAX` of it wait here.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface LineOptions {
  /** Where it leads, on loopback. */
  readonly port: number;
  readonly delayMs: number;
  readonly bytesPerSecond: number;
}

const BUFFER_BYTES_MAX: number = 1024 * 1024;

/** One direction of the line. */
class Lane {
  readonly #delayMs: number;
  readonly #bytesPerSecond: number;
  /** When the last byte that is on its way will have left. */
  #freeAtMs = 0;

  constructor({ delayMs, bytesPerSecond }: LineOptions) {
    this.#delayMs = delayMs;
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** When what arrives now comes out. */
  dueMs(bytes: number): number {
    const startMs = Math.max(performance.now(), this.#freeAtMs);
    this.#freeAtMs = startMs + (bytes * 1000) / this.#bytesPerSecond;
    return this.#freeAtMs + this.#delayMs;
  }
}

/** One direction of one connection. */
class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  /** `null`: the end. */
  readonly #items: { readonly data: Buffer | null; readonly dueMs: number }[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #isBlocked = false;

  constructor(from: Socket, to: Socket, lane: Lane) {
    this.#from = from;
    this.#to = to;
    from.on('data', (data: Buffer) => {
      this.#bytes += data.length;
      this.#items.push({ data, dueMs: lane.dueMs(data.length) });
      this.#pump();
      if (this.#bytes > BUFFER_BYTES_MAX) from.pause();
    });
    from.on('end', () => {
      this.#items.push({ data: null, dueMs: lane.dueMs(0) });
      this.#pump();
    });
    from.on('error', () => to.destroy());
    to.on('drain', () => {
      this.#isBlocked = false;
      this.#pump();
    });
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#from.destroy();
  }

  /** Passes on what is due. */
  #pump(): void {
    while (!this.#isBlocked) {
      const item = this.#items[0];
      if (item === undefined) break;
      const waitMs = item.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer ??= setTimeout(() => {
          this.#timer = null;
          this.#pump();
        }, waitMs);
        break;
      }
      this.#items.shift();
      if (item.data === null) this.#to.end();
      else {
        this.#bytes -= item.data.length;
        this.#isBlocked = this.#to.writable && !this.#to.write(item.data);
      }
    }
    if (this.#bytes <= BUFFER_BYTES_MAX && this.#from.isPaused()) this.#from.resume();
  }
}

export class SlowLine {
  readonly #listener: Server;
  readonly #connections = new Set<readonly Pipe[]>();

  private constructor(options: LineOptions) {
    const [up, down] = [new Lane(options), new Lane(options)];
    // Each side may end on its own: an end is passed on, not answered.
    this.#listener = createServer({ allowHalfOpen: true }, (client) => {
      const server = connect({ port: options.port, host: '127.0.0.1', allowHalfOpen: true });
      const connection = [new Pipe(client, server, up), new Pipe(server, client, down)];
      this.#connections.add(connection);
      for (const socket of [client, server]) {
        socket.on('close', () => {
          if (client.destroyed && server.destroyed) this.#connections.delete(connection);
        });
      }
    });
  }

  static async start(options: LineOptions): Promise<SlowLine> {
    const line = new SlowLine(options);
    line.#listener.listen(0, '127.0.0.1');
    await once(line.#listener, 'listening');
    return line;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) for (const pipe of connection) pipe.stop();
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    await closed;
  }
}
