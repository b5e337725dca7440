/**
 * A TCP proxy in front of a node, as they stand in offices: lets HTTP through and treats WebSockets as `mode` says.
 * An upgrade is told by the first bytes of its connection, which it has for itself.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** `kill`: 101, then the end after `killAfterMs`. `swallow`: 101, then nothing in either direction. */
export type UpgradeMode = 'pass' | 'refuse' | 'kill' | 'swallow';

interface Pair {
  readonly client: Socket;
  readonly node: Socket;
  readonly isWebSocket: boolean;
  readonly path: string;
}

export class UpgradeProxy {
  mode: UpgradeMode = 'pass';
  killAfterMs = 50;
  /** Upgrades that were asked for. */
  upgrades = 0;
  /** The next stream of events is cut after so many bytes; null: none is. */
  cutAfterBytes: number | null = null;
  readonly #server: Server;
  readonly #nodePort: number;
  readonly #pairs = new Set<Pair>();
  /** Also those that have said nothing yet: a client may hold a connection for its next request. */
  readonly #clients = new Set<Socket>();

  private constructor(server: Server, nodePort: number) {
    this.#server = server;
    this.#nodePort = nodePort;
    server.on('connection', (client) => {
      this.#clients.add(client);
      client.once('close', () => this.#clients.delete(client));
      client.on('error', () => client.destroy());
      client.once('data', (first: Buffer) => this.#open(client, first));
    });
  }

  /** `nodeUrl`: where it leads. Ends with the test. */
  static async start(nodeUrl: string): Promise<UpgradeProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new UpgradeProxy(server, Number(new URL(nodeUrl).port));
    onTestFinished(async () => {
      await proxy.stop();
    });
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get webSocketCount(): number {
    return [...this.#pairs].filter((pair) => pair.isWebSocket).length;
  }

  /** Changes the mode; the WebSockets that are open end. */
  set(mode: UpgradeMode): void {
    this.mode = mode;
    this.cut((pair) => pair.isWebSocket);
  }

  /** Cuts what `picks`; everything without it. */
  cut(picks: (pair: Pair) => boolean = () => true): void {
    for (const pair of this.#pairs) {
      if (!picks(pair)) continue;
      pair.client.destroy();
      pair.node.destroy();
    }
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      for (const client of this.#clients) client.destroy();
    });
  }

  #open(client: Socket, first: Buffer): void {
    const head = first.toString('latin1');
    const isWebSocket = /^upgrade: *websocket/im.test(head);
    if (isWebSocket) this.upgrades += 1;
    const { mode } = this;
    if (isWebSocket && mode === 'refuse') {
      client.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    const node = connect(this.#nodePort, '127.0.0.1');
    const pair: Pair = { client, node, isWebSocket, path: head.split(' ', 2)[1] ?? '' };
    this.#pairs.add(pair);
    const end = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      node.destroy();
    };
    node.on('error', end).on('close', end);
    client.on('close', end);
    node.write(first);
    if (isWebSocket && mode !== 'pass') this.#spoil(pair, mode);
    else {
      client.pipe(node);
      this.#passAnswers(pair);
    }
  }

  #spoil({ client, node }: Pair, mode: UpgradeMode): void {
    node.once('data', (answer: Buffer) => {
      const end = answer.indexOf('\r\n\r\n') + 4;
      client.write(answer.subarray(0, end));
      if (mode === 'kill') {
        client.write(answer.subarray(end));
        client.pipe(node);
        node.pipe(client);
        setTimeout(() => client.destroy(), this.killAfterMs).unref();
      } else {
        client.resume();
        node.resume();
      }
    });
  }

  #passAnswers({ client, node, path }: Pair): void {
    let passed = 0;
    let left = Infinity;
    if (this.cutAfterBytes !== null && path.includes('/events')) {
      left = this.cutAfterBytes;
      this.cutAfterBytes = null;
    }
    node.on('data', (bytes: Buffer) => {
      const fits = bytes.subarray(0, Math.max(0, left - passed));
      passed += fits.byteLength;
      if (!client.write(fits)) {
        node.pause();
        client.once('drain', () => node.resume());
      }
      if (passed >= left) client.destroySoon();
    });
    node.on('end', () => client.end());
  }
}
