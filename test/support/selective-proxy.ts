/**
 * A link to Redis that loses single messages and shows nothing of it: connections stay, pings are answered, probes come
 * back. What subscribers are sent is read as RESP, and each message that the test does not want to arrive is left out.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Whether a message is lost. */
export type Loses = (channel: string, payload: Buffer) => boolean;

const CRLF = Buffer.from('\r\n');
/** `$`, `*` and `>`: the values of RESP that are longer than a line. */
const STRING = 0x24;
const ARRAY = 0x2a;
const PUSH = 0x3e;

export class SelectiveProxy {
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  /** Since the start. */
  lost = 0;

  private constructor(target: number, loses: Loses) {
    this.#listener = createServer((client) => {
      const server = connect(target, '127.0.0.1');
      client.pipe(server);
      let pending: Buffer = Buffer.alloc(0);
      server.on('data', (data: Buffer) => {
        pending = pending.length === 0 ? data : Buffer.concat([pending, data]);
        for (let end = endOf(pending, 0); end !== -1; end = endOf(pending, 0)) {
          const frame = pending.subarray(0, end);
          pending = pending.subarray(end);
          const message = messageOf(frame);
          if (message !== null && loses(message.channel, message.payload)) this.lost += 1;
          else client.write(frame);
        }
      });
      for (const [socket, other] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
      }
    });
  }

  static async start(target: number, loses: Loses): Promise<SelectiveProxy> {
    const proxy = new SelectiveProxy(target, loses);
    proxy.#listener.listen(0, '127.0.0.1');
    await once(proxy.#listener, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    await closed;
  }
}

/** Where the value that begins at `start` ends; -1: not all of it is here. */
function endOf(data: Buffer, start: number): number {
  const line = data.indexOf(CRLF, start);
  if (line === -1) return -1;
  const after = line + 2;
  const size = Number(data.toString('latin1', start + 1, line));
  if (data[start] === STRING && size >= 0) {
    return data.length >= after + size + 2 ? after + size + 2 : -1;
  }
  if (data[start] !== ARRAY && data[start] !== PUSH) return after;
  let end = after;
  for (let index = 0; index < size && end !== -1; index += 1) end = endOf(data, end);
  return end;
}

function messageOf(frame: Buffer): { readonly channel: string; readonly payload: Buffer } | null {
  if (frame[0] !== ARRAY && frame[0] !== PUSH) return null;
  const parts: Buffer[] = [];
  let at = frame.indexOf(CRLF) + 2;
  while (at < frame.length && frame[at] === STRING) {
    const line = frame.indexOf(CRLF, at) + 2;
    const end = endOf(frame, at);
    parts.push(frame.subarray(line, end - 2));
    at = end;
  }
  const [kind, channel, payload] = parts;
  if (channel === undefined || payload === undefined) return null;
  return kind?.toString() === 'message' ? { channel: channel.toString(), payload } : null;
}
