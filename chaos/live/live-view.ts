/**
 * The live view: a page on loopback that shows a run while it goes on, and lets people cut and heal links. Whoever can reach
 * it can break the cluster, so it answers only on this machine, only under its own name (a page elsewhere whose name was
 * pointed here has another Host), and commands only from its own page (Origin).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CutDirection, LiveFeed } from './live-feed.ts';
import { livePage } from './live-page.ts';

/** A page is told this often at most, and this often at least. */
const PACE_MS = 200;
const BEAT_MS = 1_000;
const PAGES_MAX = 16;
/** A page that does not read is not told more. */
const UNREAD_BYTES_MAX = 1024 * 1024;
const COMMAND_BYTES_MAX = 4_096;
const DIRECTIONS: readonly CutDirection[] = ['both', 'a-to-b', 'b-to-a'];

interface Command {
  readonly link: string;
  readonly direction: CutDirection;
}

export class LiveView {
  readonly url: string;
  readonly #feed: LiveFeed;
  readonly #server: Server;
  readonly #hosts: ReadonlySet<string>;
  readonly #pages = new Set<ServerResponse>();
  readonly #unsubscribe: () => void;
  readonly #beat: NodeJS.Timeout;
  #due: NodeJS.Timeout | null = null;

  private constructor(feed: LiveFeed, server: Server) {
    const { port } = server.address() as AddressInfo;
    this.url = `http://127.0.0.1:${port}/`;
    this.#hosts = new Set([`127.0.0.1:${port}`, `localhost:${port}`]);
    this.#feed = feed;
    this.#server = server;
    server.on('request', (request, response) => this.#answer(request, response));
    this.#unsubscribe = feed.subscribe(() => this.#soon());
    this.#beat = setInterval(() => this.#tell(), BEAT_MS);
  }

  /** `port` 0: any that is free. */
  static async serve(feed: LiveFeed, port: number = 0): Promise<LiveView> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return new LiveView(feed, server);
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    clearInterval(this.#beat);
    if (this.#due !== null) clearTimeout(this.#due);
    this.#tell();
    for (const page of this.#pages) page.end();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method, url, headers } = request;
    const { host, origin } = headers;
    const isCommand = method === 'POST';
    if (host === undefined || !this.#hosts.has(host)) {
      plain(response, 421, 'Only under its own name.');
    } else if (isCommand ? origin !== `http://${host}` : isForeign(origin, host)) {
      plain(response, 403, 'Only from its own page.');
    } else if (method === 'GET' && url === '/') {
      const { text, policy } = livePage(this.#feed.topology);
      response.writeHead(200, {
        ...HEADERS,
        'content-security-policy': policy,
        'content-type': 'text/html; charset=utf-8',
      });
      response.end(text);
    } else if (method === 'GET' && url === '/events') this.#open(response);
    else if (isCommand && (url === '/cut' || url === '/heal')) {
      this.#obey(url, request, response).catch((error: unknown) => {
        plain(response, 409, error instanceof Error ? error.message : String(error));
      });
    } else plain(response, 404, 'Not here.');
  }

  #open(response: ServerResponse): void {
    if (this.#pages.size >= PAGES_MAX) {
      plain(response, 503, `At most ${PAGES_MAX} pages.`);
      return;
    }
    response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' });
    this.#pages.add(response);
    response.on('close', () => this.#pages.delete(response));
    response.write(this.#event());
  }

  async #obey(url: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const command = parsedCommand(await bodyOf(request));
    if (command === null) {
      plain(response, 400, 'A command names a link and a direction.');
      return;
    }
    if (url === '/cut') await this.#feed.cut(command.link, command.direction);
    else await this.#feed.heal(command.link);
    response.writeHead(204, HEADERS);
    response.end();
    this.#soon();
  }

  #soon(): void {
    this.#due ??= setTimeout(() => {
      this.#due = null;
      this.#tell();
    }, PACE_MS);
  }

  #tell(): void {
    if (this.#pages.size === 0) return;
    const event = this.#event();
    for (const each of this.#pages) {
      if (each.writableLength < UNREAD_BYTES_MAX) each.write(event);
    }
  }

  #event(): string {
    return `data: ${JSON.stringify(this.#feed.state())}\n\n`;
  }
}

const HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

function isForeign(origin: string | undefined, host: string): boolean {
  return origin !== undefined && origin !== `http://${host}`;
}

function plain(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) return;
  response.writeHead(status, { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > COMMAND_BYTES_MAX) throw new Error('too long a command');
  }
  return text;
}

function parsedCommand(text: string): Command | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (value === null || typeof value !== 'object' || !('link' in value)) return null;
  const asked = 'direction' in value ? value.direction : 'both';
  const direction = DIRECTIONS.find((each) => each === asked);
  return typeof value.link === 'string' && direction !== undefined
    ? { link: value.link, direction }
    : null;
}
