/**
 * The HTTP server around the app: timeouts, `Expect: 100-continue`, and what the parser refuses before there is a
 * request. Those answers too are problems.
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { ERRORS, ProtocolError, type ErrorCode } from '../protocol/errors.ts';
import { PROBLEM_MEDIA_TYPE, problemOf } from './problem.ts';

/** Slowloris: a request line and headers must arrive within this time. */
const HEADERS_TIMEOUT_MS = 10_000;
/** Bodies have their own, stricter watch (body.ts); this ends what no route reads. */
const REQUEST_TIMEOUT_MS = 60 * 60 * 1000;

/** Longer than load balancers keep an idle connection: who closes first must be the one who sends next. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/** An HTTP request line that the parser knows no method for. */
const UNKNOWN_METHOD = /^[A-Za-z!#$%&'*+.^_`|~-]{1,32} \S+ HTTP\/1\.[01]\r\n/;

export interface ServerLimits {
  readonly connectionsMax: number;
  readonly requestsMax: number;
}

export function createHttpServer(app: RequestListener, limits: ServerLimits): Server {
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    },
    app,
  );
  // WebSockets and requests are refused with a word, each at its limit; what is beyond both is just closed. [I6]
  server.maxConnections = limits.connectionsMax + limits.requestsMax;
  // The app says `100 Continue` itself, when a route wants the body: a bad token never gets so far.
  server.on('checkContinue', app);
  server.on(
    'clientError',
    (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket: Socket) => {
      if (!socket.writable || error.code === 'ECONNRESET') {
        socket.destroy();
        return;
      }
      const code = codeOf(error.code ?? '', error.rawPacket);
      const { http } = ERRORS[code];
      const body = JSON.stringify(problemOf(new ProtocolError(code), undefined));
      const allow =
        code === 'method-not-allowed' ? 'Allow: GET, HEAD, PUT, POST, DELETE, OPTIONS\r\n' : '';
      socket.end(
        `HTTP/1.1 ${http} ${code}\r\nConnection: close\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\n${allow}` +
          `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    },
  );
  return server;
}

function codeOf(error: string, packet: Buffer | undefined): ErrorCode {
  switch (error) {
    case 'HPE_HEADER_OVERFLOW':
      // Still in the first line when the limit was reached.
      return packet !== undefined && !packet.includes('\r\n')
        ? 'uri-too-long'
        : 'headers-too-large';
    case 'HPE_INVALID_METHOD':
      return UNKNOWN_METHOD.test(packet?.toString('latin1') ?? '')
        ? 'method-not-allowed'
        : 'invalid-request';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 'request-timeout';
    default:
      return 'invalid-request';
  }
}
