/** Requests of the benchmark to a server's REST interface: one kept-alive connection pool, bodies read as bytes. */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import type { Target } from './bench-client.ts';

export interface Answer {
  readonly status: number;
  readonly etag: string;
  readonly body: Buffer;
}

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** True: the body is read and forgotten, as the socket readers of the same workload do. */
  readonly isDiscarding?: boolean;
}

export class HttpClient {
  readonly #agent: Agent;
  readonly #base: string;

  constructor(target: Target, connections: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
    this.#base = target.url.replace(/^ws/, 'http');
  }

  async ask(
    path: string,
    { method = 'GET', headers = {}, body, isDiscarding = false }: Ask = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        `${this.#base}${path}`,
        {
          agent: this.#agent,
          method,
          headers: body === undefined ? headers : { 'Content-Length': body.byteLength, ...headers },
        },
        (response) => {
          const chunks: Buffer[] = [];
          const content = unpacked(response);
          content.on('data', (chunk: Buffer) => {
            if (!isDiscarding) chunks.push(chunk);
          });
          response.on('error', reject);
          content.on('error', reject);
          content.on('end', () => {
            const { statusCode = 0, headers: got } = response;
            resolve({ status: statusCode, etag: got.etag ?? '', body: Buffer.concat(chunks) });
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** What one of a Syncline node's metrics says now: the sum of its samples whose labels begin with `labels`. */
export async function metricOf(http: HttpClient, name: string, labels = ''): Promise<number> {
  const { body } = await http.ask('/metrics');
  const start = labels === '' ? name : `${name}{${labels}`;
  const rows = body
    .toString()
    .split('\n')
    .filter((row) => row.startsWith(start));
  return rows.reduce((sum, row) => sum + Number(row.slice(row.lastIndexOf(' ') + 1)), 0);
}

export function documentPath(document: string, rest: string): string {
  return `/v1/documents/${encodeURIComponent(document)}${rest}`;
}

function unpacked(response: IncomingMessage): NodeJS.ReadableStream {
  const coding = response.headers['content-encoding'];
  if (coding === 'br') return response.pipe(createBrotliDecompress());
  return coding === 'gzip' ? response.pipe(createGunzip()) : response;
}
