/**
 * A WebSocket client that knocks: opens a connection with a token in one of the ways there are, says SyncStep1
 * and reports what became of it. Let in is who gets a message; a handshake alone says nothing.
 */
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

/** How a request carries its token. */
export type Carrier = 'header' | 'query' | 'subprotocol';

export type Outcome =
  | { readonly kind: 'in'; readonly socket: WebSocket }
  | { readonly kind: 'closed'; readonly code: number; readonly reason: string }
  | { readonly kind: 'http'; readonly status: number; readonly headers: Record<string, unknown> };

export interface Knock {
  readonly token?: string | null;
  readonly carrier?: Carrier;
  readonly headers?: Readonly<Record<string, string>>;
  /** Below the node's URL; the document's name unless given. */
  readonly path?: string;
}

const SYNC_STEP_1 = Uint8Array.of(0, 0, 1, 0);

export function openSocket(url: string, document: string, options: Knock = {}): WebSocket {
  const {
    token = null,
    carrier = 'query',
    headers = {},
    path = encodeURIComponent(document),
  } = options;
  const query = token !== null && carrier === 'query' ? `?token=${encodeURIComponent(token)}` : '';
  const socket = new WebSocket(
    `${url}/${path}${query}`,
    token !== null && carrier === 'subprotocol' ? ['syncline', `token.${token}`] : [],
    {
      headers: {
        ...headers,
        ...(token !== null && carrier === 'header' ? { Authorization: `Bearer ${token}` } : {}),
      },
    },
  );
  socket.binaryType = 'nodebuffer';
  socket.on('error', () => undefined);
  onTestFinished(() => {
    socket.terminate();
  });
  return socket;
}

export function knock(url: string, document: string, options: Knock = {}): Promise<Outcome> {
  const socket = openSocket(url, document, options);
  return new Promise((resolve) => {
    socket.once('open', () => socket.send(SYNC_STEP_1));
    socket.once('message', () => resolve({ kind: 'in', socket }));
    socket.once('close', (code, reason) => {
      resolve({ kind: 'closed', code, reason: reason.toString() });
    });
    socket.once('unexpected-response', (_request, response) => {
      response.resume();
      resolve({ kind: 'http', status: response.statusCode ?? 0, headers: response.headers });
    });
  });
}

/** Resolves when the server has closed the socket. */
export function whenClosed(socket: WebSocket): Promise<{ code: number; reason: string }> {
  return new Promise((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
}
