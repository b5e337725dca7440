/**
 * A y-websocket server in memory whose acks the test hands out itself: what it received on each connection is
 * in `frames`, in order. It exists to pin the client's side of the protocol; the real node is tested end to end.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { WebSocket, WebSocketServer } from 'ws';
import { readSyncMessage, writeSyncStep1 } from 'y-protocols/sync';
import * as Y from 'yjs';
import { MESSAGE } from '../../../server/protocol/messages.ts';

interface Frame {
  readonly kind: 'step1' | 'step2' | 'update' | 'awareness' | 'status' | 'other';
  readonly bytes: Uint8Array;
}

export interface StandInConnection {
  readonly path: string;
  readonly protocol: string;
  readonly frames: Frame[];
  readonly socket: WebSocket;
}

export class StandInServer {
  readonly connections: StandInConnection[] = [];
  readonly doc: Y.Doc = new Y.Doc();
  /** Send SyncStep1 (and so let clients join) as soon as a connection opens. */
  isGreeting = true;
  /** Echo every SyncStatus at once. */
  isAcking = false;
  readonly #server: WebSocketServer;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket, request) => this.#accept(socket, request.url ?? ''));
  }

  static async start(port = 0): Promise<StandInServer> {
    const server = new WebSocketServer({ host: '127.0.0.1', port });
    await once(server, 'listening');
    return new StandInServer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** The newest connection. */
  get connection(): StandInConnection {
    const newest = this.connections.at(-1);
    if (newest === undefined) throw new Error('nobody connected');
    return newest;
  }

  greet(connection: StandInConnection): void {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, MESSAGE.sync);
    writeSyncStep1(encoder, this.doc);
    connection.socket.send(encoding.toUint8Array(encoder));
  }

  send(hex: string): void {
    this.connection.socket.send(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  }

  async stop(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #accept(socket: WebSocket, path: string): void {
    const connection = { path, protocol: socket.protocol, frames: [], socket };
    this.connections.push(connection);
    socket.binaryType = 'nodebuffer';
    socket.on('message', (data: Buffer) => this.#receive(connection, new Uint8Array(data)));
    if (this.isGreeting) this.greet(connection);
  }

  #receive(connection: StandInConnection, bytes: Uint8Array): void {
    connection.frames.push({ kind: kindOf(bytes), bytes });
    const decoder = decoding.createDecoder(bytes);
    const type = decoding.readVarUint(decoder);
    if (type === MESSAGE.syncStatus && this.isAcking) connection.socket.send(bytes);
    if (type !== MESSAGE.sync) return;
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, MESSAGE.sync);
    readSyncMessage(decoder, encoder, this.doc, connection);
    if (encoding.length(encoder) > 1) connection.socket.send(encoding.toUint8Array(encoder));
  }
}

function kindOf(bytes: Uint8Array): Frame['kind'] {
  if (bytes[0] === MESSAGE.awareness) return 'awareness';
  if (bytes[0] === MESSAGE.syncStatus) return 'status';
  if (bytes[0] !== MESSAGE.sync) return 'other';
  return (['step1', 'step2', 'update'] as const)[bytes[1] ?? 3] ?? 'other';
}
