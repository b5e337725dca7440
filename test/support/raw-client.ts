/**
 * A WebSocket client over a bare socket: the upgrade by hand, frames parsed in place, nothing allocated for
 * a message that lies in one read. It exists so that hundreds of readers cost less than the server that
 * they read from. It promises whole messages in order, and answers pings. It leaves out what servers of this
 * family never send (fragments, compression) and closes with an error when it sees one. Its masks are zero,
 * which RFC 6455 allows nobody who may meet a proxy: for loopback only.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

const OPCODE_BINARY = 0x2;
const OPCODE_CLOSE = 0x8;
const OPCODE_PING = 0x9;
const OPCODE_PONG = 0xa;
/** One read takes up to this: bytes. Shared by all clients of the process, which read one after another. */
const READ_BUFFER = Buffer.allocUnsafe(256 * 1024);
/** How long a server may take to switch protocols: milliseconds. */
const UPGRADE_TIMEOUT_MS = 30_000;
/** Longest answer to the upgrade that we wait for: bytes. */
const UPGRADE_BYTES_MAX = 16 * 1024;

export interface RawClientOptions {
  /**
   * A message arrived. `payload` is valid during the call only: copy what you keep. It is cut to the first
   * `headBytes` when the message did not come in one read; `bytes` is always the full length.
   */
  readonly onMessage: (payload: Buffer, bytes: number) => void;
  /** The socket has ended, by whomever. `code` is the peer's close code, 1006 without one. */
  readonly onClose?: (code: number, reason: string) => void;
  /** Keep only this much of messages that span several reads: bytes. All of them without it. */
  readonly headBytes?: number;
}

/** One masked client frame, ready for the socket. */
export function encodeFrame(payload: Uint8Array, opcode: number = OPCODE_BINARY): Buffer {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = Buffer.alloc(2 + lengthBytes + 4 + length);
  frame[0] = 0x80 | opcode;
  if (lengthBytes === 0) frame[1] = 0x80 | length;
  else if (lengthBytes === 2) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.set(payload, 2 + lengthBytes + 4);
  return frame;
}

interface PartialMessage {
  readonly opcode: number;
  readonly bytes: number;
  received: number;
  readonly kept: Buffer;
}

export class RawClient {
  messages = 0;
  bytes = 0;
  /** Read once and then not again before `drain()`: many small messages then cost one read. */
  isLazy = false;
  /** True once the socket is gone or going. */
  isClosed = false;
  readonly #socket: Socket;
  readonly #options: RawClientOptions;
  #isUpgraded = false;
  #onUpgraded: (error: Error | null) => void;
  /** Bytes of a frame header (or of the answer to the upgrade) that came in pieces. */
  #pending: Buffer = Buffer.alloc(0);
  #partial: PartialMessage | null = null;
  #closeCode = 1006;
  #closeReason = '';

  private constructor(url: URL, options: RawClientOptions, done: (error: Error | null) => void) {
    this.#options = options;
    this.#onUpgraded = done;
    this.#socket = connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (length: number): boolean => {
          this.#read(READ_BUFFER.subarray(0, length));
          // A full buffer means that there is more: take it now, so that laziness never falls behind.
          return !this.isLazy || length === READ_BUFFER.length;
        },
      },
    });
    this.#socket.on('connect', () => this.#requestUpgrade(url));
    this.#socket.on('error', (error) => this.#onUpgraded(error));
    this.#socket.on('close', () => {
      this.isClosed = true;
      this.#onUpgraded(new Error(`closed during the upgrade: ${url.href}`));
      this.#options.onClose?.(this.#closeCode, this.#closeReason);
    });
  }

  /** Resolves when the server has switched protocols. */
  static async open(url: string, options: RawClientOptions): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const client: RawClient = new RawClient(new URL(url), options, (error) => {
        clearTimeout(timer);
        if (error === null) resolve(client);
        else reject(error);
      });
      const timer = setTimeout(() => {
        client.#fail(`${url} did not answer the upgrade within ${UPGRADE_TIMEOUT_MS} ms`);
      }, UPGRADE_TIMEOUT_MS);
    });
  }

  send(payload: Uint8Array): void {
    this.sendFrame(encodeFrame(payload));
  }

  /** A frame of `encodeFrame`, so that what is sent often is framed once. */
  sendFrame(frame: Buffer): void {
    if (!this.isClosed) this.#socket.write(frame);
  }

  /** Lets a lazy client read what has arrived since. */
  drain(): void {
    if (!this.isClosed) this.#socket.resume();
  }

  /** Says goodbye and drops the socket; safe to call twice. */
  close(): void {
    if (this.isClosed) return;
    this.sendFrame(encodeFrame(Buffer.from([0x03, 0xe8]), OPCODE_CLOSE));
    this.isClosed = true;
    this.#socket.end();
    this.#socket.destroySoon();
  }

  /** Drops the socket without a word, as a crash does. */
  destroy(): void {
    this.isClosed = true;
    this.#socket.destroy();
  }

  #requestUpgrade(url: URL): void {
    this.#socket.write(
      `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\n` +
        `Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
  }

  #read(chunk: Buffer): void {
    if (this.#isUpgraded) {
      this.#parse(chunk);
      return;
    }
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const end = this.#pending.indexOf('\r\n\r\n');
    if (end === -1) {
      if (this.#pending.length > UPGRADE_BYTES_MAX) this.#fail('endless answer to the upgrade');
      return;
    }
    const answer = this.#pending.toString('latin1', 0, end);
    if (!answer.startsWith('HTTP/1.1 101 ')) {
      this.#fail(`upgrade refused: ${answer.split('\r\n', 1)[0] ?? ''}`);
      return;
    }
    this.#pending = this.#pending.subarray(end + 4);
    this.#isUpgraded = true;
    this.#onUpgraded(null);
    // The first frames may share a packet with the 101; the caller's promise must settle before them.
    setImmediate(() => {
      const rest = this.#pending;
      this.#pending = Buffer.alloc(0);
      this.#parse(rest);
    });
  }

  #parse(chunk: Buffer): void {
    let data = chunk;
    let at = 0;
    while (at < data.length) {
      if (this.#partial !== null) {
        at = this.#fill(this.#partial, data, at);
        continue;
      }
      if (this.#pending.length > 0) {
        data = Buffer.concat([this.#pending, data.subarray(at)]);
        this.#pending = Buffer.alloc(0);
        at = 0;
      }
      const headerBytes = headerLength(data, at);
      if (data.length - at < headerBytes) {
        this.#pending = Buffer.from(data.subarray(at));
        return;
      }
      const first = data[at] ?? 0;
      if ((first & 0xf0) !== 0x80) return this.#fail(`frame with flags ${first >> 4}`);
      const bytes = payloadLength(data, at);
      at += headerBytes;
      if (data.length - at >= bytes) {
        this.#deliver(first & 0x0f, data.subarray(at, at + bytes), bytes);
        at += bytes;
      } else {
        const keep = Math.min(bytes, this.#options.headBytes ?? bytes);
        const kept = Buffer.allocUnsafe(keep);
        this.#partial = { opcode: first & 0x0f, bytes, received: 0, kept };
      }
    }
  }

  #fill(partial: PartialMessage, data: Buffer, at: number): number {
    const take = Math.min(partial.bytes - partial.received, data.length - at);
    if (partial.received < partial.kept.length) {
      data.copy(partial.kept, partial.received, at, at + take);
    }
    partial.received += take;
    if (partial.received === partial.bytes) {
      this.#partial = null;
      this.#deliver(partial.opcode, partial.kept, partial.bytes);
    }
    return at + take;
  }

  #deliver(opcode: number, payload: Buffer, bytes: number): void {
    if (opcode === OPCODE_PING) this.sendFrame(encodeFrame(payload, OPCODE_PONG));
    else if (opcode === OPCODE_CLOSE) {
      if (bytes >= 2) {
        this.#closeCode = payload.readUInt16BE(0);
        this.#closeReason = payload.toString('utf8', 2);
      }
      this.close();
    } else if (opcode === OPCODE_BINARY) {
      this.messages += 1;
      this.bytes += bytes;
      this.#options.onMessage(payload, bytes);
    } else if (opcode !== OPCODE_PONG) this.#fail(`frame with opcode ${opcode}`);
  }

  #fail(reason: string): void {
    this.#closeReason = reason;
    this.#onUpgraded(new Error(reason));
    this.destroy();
  }
}

function headerLength(data: Buffer, at: number): number {
  const short = (data[at + 1] ?? 0) & 0x7f;
  return short < 126 ? 2 : short === 126 ? 4 : 10;
}

/** Only for a header that is complete. */
function payloadLength(data: Buffer, at: number): number {
  const short = (data[at + 1] ?? 0) & 0x7f;
  if (short < 126) return short;
  return short === 126 ? data.readUInt16BE(at + 2) : Number(data.readBigUInt64BE(at + 2));
}
