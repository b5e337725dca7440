/**
 * The HTTP side of one node: health, metrics, and the editor page. Every error is problem+json (RFC 9457).
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import express, {
  type ErrorRequestHandler,
  type Express,
  type RequestHandler,
  type Response,
} from 'express';
import type { StoreStatus } from '../../persistence/store.ts';
import type { Metrics } from '../observe/metrics.ts';
import { ERRORS, type ErrorCode } from '../protocol/errors.ts';

export interface Health {
  readonly storeStatus: StoreStatus;
  /** Why the store is not writable; never a path. */
  readonly storeError: string | null;
  readonly isDraining: boolean;
}

export interface AppOptions {
  readonly metrics: Metrics;
  readonly health: () => Health;
  readonly onError: (error: unknown) => void;
}

/** Beside the compiled server: dist/server/http → dist/client/editor/page. */
const EDITOR_PAGE = fileURLToPath(new URL('../../client/editor/page', import.meta.url));

const CONTENT_SECURITY_POLICY =
  "default-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

export function createApp(options: AppOptions): Express {
  const { metrics, health } = options;
  const app = express();
  app.disable('x-powered-by');
  app.use(securityHeaders);
  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get('/readyz', (_request, response) => {
    const { storeStatus, storeError, isDraining } = health();
    const isReady = storeStatus === 'open' && !isDraining;
    response.status(isReady ? 200 : 503);
    if (!isReady) response.set('Retry-After', '1');
    response.json({
      status: isReady ? 'ready' : 'unready',
      store: storeStatus,
      draining: isDraining,
      ...(storeError === null ? {} : { error: storeError }),
    });
  });
  app.get('/metrics', async (_request, response) => {
    response.type(metrics.contentType).send(await metrics.text());
  });
  if (existsSync(EDITOR_PAGE)) app.use(express.static(EDITOR_PAGE, { index: 'index.html' }));
  app.use((_request, response) => {
    sendProblem(response, 'not-found');
  });
  app.use(errorResponder(options.onError));
  return app;
}

const securityHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  });
  next();
};

function errorResponder(onError: (error: unknown) => void): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    // Express marks what the request itself got wrong (a bad escape in the path, say) with a 4xx status.
    const status: unknown = error instanceof Error && 'status' in error ? error.status : undefined;
    if (typeof status === 'number' && status >= 400 && status < 500) {
      sendProblem(response, status === 404 ? 'not-found' : 'malformed-message');
      return;
    }
    onError(error);
    sendProblem(response, 'internal');
  };
}

function sendProblem(response: Response, code: ErrorCode): void {
  const { http, meaning } = ERRORS[code];
  response
    .status(http)
    .type('application/problem+json')
    .send(JSON.stringify({ type: `/problems/${code}`, title: meaning, status: http, code }));
}
