/** An endpoint of webhooks: checks every signature as a receiver should, and answers as the test says. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly document: string;
  readonly at: string;
  readonly node: string;
  readonly region: string;
}

/** Null: the connection is cut, and the event does not count as taken. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export const WEBHOOK_SECRET: string = `whsec_${Buffer.from('a secret of at least 24 bytes').toString('base64')}`;

export class WebhookReceiver {
  /** Every request, and those that were answered with a 2xx. */
  readonly seen: ReceivedEvent[] = [];
  readonly taken: ReceivedEvent[] = [];
  readonly bodies: string[] = [];
  readonly problems: string[] = [];
  reply: (event: ReceivedEvent) => Reply | null | Promise<Reply | null> = () => ({ status: 204 });
  readonly url: string;

  private constructor(url: string) {
    this.url = url;
  }

  static async start(port: number = 0): Promise<WebhookReceiver> {
    let receiver: WebhookReceiver | null = null;
    const server = createServer((request, response) => {
      void receiver?.receive(request, response);
    });
    await new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port: chosen } = server.address() as AddressInfo;
    receiver = new WebhookReceiver(`http://127.0.0.1:${chosen}/hook`);
    return receiver;
  }

  async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const problem = problemOf(request, body);
    if (problem !== null) this.problems.push(problem);
    const event = JSON.parse(body) as ReceivedEvent;
    if (event.id !== request.headers['webhook-id']) this.problems.push('the ids differ');
    this.bodies.push(body);
    this.seen.push(event);
    const reply = await this.reply(event);
    if (reply === null) {
      request.socket.destroy();
      return;
    }
    if (reply.status < 300) this.taken.push(event);
    response.writeHead(reply.status, reply.headers).end();
  }

  /** `type document` of what was taken. */
  get told(): string[] {
    return this.taken.map(({ type, document }) => `${type.replace('document.', '')} ${document}`);
  }
}

/** What docs/OPERATIONS.md tells receivers to do. */
function problemOf(request: IncomingMessage, body: string): string | null {
  const { headers } = request;
  const id = String(headers['webhook-id']);
  const timestamp = String(headers['webhook-timestamp']);
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return `timestamp ${timestamp}`;
  const key = Buffer.from(WEBHOOK_SECRET.replace('whsec_', ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest();
  const given = String(headers['webhook-signature'])
    .split(' ')
    .filter((part) => part.startsWith('v1,'))
    .map((part) => Buffer.from(part.slice(3), 'base64'));
  const isSigned = given.some(
    (mac) => mac.length === expected.length && timingSafeEqual(mac, expected),
  );
  return isSigned ? null : `signature ${String(headers['webhook-signature'])}`;
}
