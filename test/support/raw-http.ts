/** HTTP as no client library sends it: bytes on a socket, and what comes back until the answer is whole or it ends. */
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export class RawHttp {
  readonly socket: Socket;
  received = '';
  isClosed = false;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.socket = connect(Number(port), hostname);
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => {
      this.received += text;
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.isClosed = true;
    });
    onTestFinished(() => {
      this.socket.destroy();
    });
  }

  send(text: string | Uint8Array): this {
    if (!this.socket.destroyed) this.socket.write(text);
    return this;
  }

  /** A request line and headers; `Host` is added. */
  head(line: string, headers: Readonly<Record<string, string>> = {}): this {
    const all = { Host: '127.0.0.1', ...headers };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    return this.send(`${line} HTTP/1.1\r\n${lines.join('')}\r\n`);
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.received)?.[1] ?? 0);
  }

  header(name: string): string | null {
    const head = this.received.split('\r\n\r\n', 1)[0] ?? '';
    return new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim() ?? null;
  }

  get body(): string {
    return this.received.slice(this.received.indexOf('\r\n\r\n') + 4);
  }

  get isWhole(): boolean {
    const length = this.header('content-length');
    return this.received.includes('\r\n\r\n') && this.body.length >= Number(length ?? Infinity);
  }

  /** Waits for a whole answer, or the end. */
  async answered(): Promise<this> {
    while (!this.isWhole && !this.isClosed) {
      await new Promise<void>((resolve) => {
        const settle = (): void => {
          this.socket.off('data', settle).off('close', settle);
          resolve();
        };
        this.socket.on('data', settle).on('close', settle);
      });
    }
    return this;
  }

  async closed(): Promise<this> {
    if (!this.isClosed) await new Promise((resolve) => this.socket.once('close', resolve));
    return this;
  }
}
