/** The real HAProxy with our configuration in front of nodes, and stand-ins for nodes that tell who was asked what. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import { Guard } from '../../chaos/guard.ts';
import type { ProxiedNode } from '../../chaos/haproxy-config.ts';
import { freePorts, WatchedProcess } from '../../chaos/processes.ts';
import { proxyProgram, requirePrograms } from '../../chaos/programs.ts';

/** Resolves with HAProxy's own URL. */
export async function startHaproxy(nodes: readonly ProxiedNode[]): Promise<string> {
  const [port = 0] = await freePorts(1);
  const folder = mkdtempSync(join(tmpdir(), 'syncline-test-'));
  const guard = new Guard();
  const command = requirePrograms().haproxy;
  const proxy = new WatchedProcess(
    proxyProgram({ command, name: 'haproxy', port, nodes, folder }),
    guard,
    {},
  );
  onTestFinished(async () => {
    await proxy.kill();
    await guard.end();
    rmSync(folder, { recursive: true, force: true });
  });
  await proxy.start();
  return `http://127.0.0.1:${port}`;
}

/** Answers every request with its name and what it was asked; echoes on WebSockets. */
export class StandIn {
  readonly name: string;
  readonly address: string;
  readonly seen: string[] = [];
  isReady = true;
  /** Answers as a node that drains, or is full. */
  isRefusing = false;

  private constructor(name: string, address: string) {
    this.name = name;
    this.address = address;
  }

  static async start(name: string): Promise<StandIn> {
    const server = createServer();
    const sockets = new WebSocketServer({ server });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const standIn = new StandIn(name, `127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      standIn.#answer(request, response);
    });
    sockets.on('connection', (socket, request) => {
      standIn.seen.push(`upgrade ${request.url}`);
      socket.send(name);
      socket.on('message', (data: Buffer) => {
        socket.send(data);
      });
    });
    onTestFinished(() => {
      for (const socket of sockets.clients) socket.terminate();
      server.close();
      server.closeAllConnections();
    });
    return standIn;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.url === '/readyz') {
      response.writeHead(this.isReady ? 200 : 503).end();
      return;
    }
    this.seen.push(`${request.method} ${request.url}`);
    response.writeHead(this.isRefusing ? 503 : 200, { 'Content-Type': 'application/json' }).end(
      JSON.stringify({
        name: this.name,
        forwardedFor: request.headers['x-forwarded-for'] ?? null,
      }),
    );
  }
}
