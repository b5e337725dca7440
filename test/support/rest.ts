/** A REST client for tests. Every answer is held against the OpenAPI document before a test sees it. */
import * as Y from 'yjs';
import { assertConforms } from './api-conformance.ts';

export interface RestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | ReadableStream<Uint8Array>;
  /** JSON: the body and its media type. */
  readonly json?: unknown;
  readonly token?: string | null;
  readonly signal?: AbortSignal;
}

export class RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
  constructor(status: number, headers: Headers, body: Uint8Array) {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
  get text(): string {
    return Buffer.from(this.body).toString();
  }
  get json(): Record<string, unknown> {
    return JSON.parse(this.text) as Record<string, unknown>;
  }
  /** Code of the problem; null for an answer that is none. */
  get code(): string | null {
    const isProblem = this.headers.get('content-type') === 'application/problem+json';
    return isProblem ? String(this.json['code']) : null;
  }
}

export class Rest {
  readonly url: string;
  readonly token: string | null;
  constructor(url: string, token: string | null = null) {
    this.url = url;
    this.token = token;
  }

  as(token: string | null): Rest {
    return new Rest(this.url, token);
  }

  async send(method: string, path: string, options: RestOptions = {}): Promise<RestAnswer> {
    const { json, body, token = this.token } = options;
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
        ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/octet-stream' }),
        ...options.headers,
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(body === undefined ? {} : { body, duplex: 'half' }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      redirect: 'manual',
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const answer = new RestAnswer(response.status, response.headers, bytes);
    const { status, headers } = response;
    assertConforms({ method, path, status, headers, body: bytes });
    return answer;
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<RestAnswer> {
    return await this.send('GET', path, { headers });
  }

  async put(
    path: string,
    update?: Uint8Array,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RestAnswer> {
    return await this.send('PUT', path, {
      headers,
      ...(update === undefined ? {} : { body: update }),
    });
  }

  async post(
    path: string,
    update?: Uint8Array,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RestAnswer> {
    return await this.send('POST', path, {
      headers,
      ...(update === undefined ? {} : { body: update }),
    });
  }

  async delete(path: string): Promise<RestAnswer> {
    return await this.send('DELETE', path);
  }

  /** The document as a Y.Doc. */
  async document(name: string): Promise<Y.Doc> {
    const { status, body } = await this.get(`${pathOf(name)}/state`);
    if (status !== 200) throw new Error(`GET state of ${name}: ${status}`);
    const doc = new Y.Doc();
    Y.applyUpdate(doc, body);
    return doc;
  }
}

export function pathOf(name: string): string {
  return `/v1/documents/${encodeURIComponent(name)}`;
}

/** An update that types `text` into the root `text`. */
export function textUpdate(text: string, clientID?: number): Uint8Array {
  const doc = new Y.Doc();
  if (clientID !== undefined) doc.clientID = clientID;
  doc.getText('text').insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}
