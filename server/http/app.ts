/**
 * The HTTP side of one node: REST, health and metrics, and the pages. Every request goes the same way: observed,
 * guarded (guard.ts), authorised by its route (context.ts), answered; every error is problem+json (problem.ts).
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import compression from 'compression';
import express, { type Express, type RequestHandler, type Router } from 'express';
import { aboutRoutes } from './about.ts';
import { contentRoutes } from './content.ts';
import { sendProblem, type HttpContext } from './context.ts';
import { documentListRoutes } from './document-list.ts';
import { documentRoutes } from './documents.ts';
import { eventRoutes } from './events.ts';
import { guardsApi, guardsLoad, guardsOrigins } from './guard.ts';
import { Idempotency } from './idempotency.ts';
import { observed, requestIdOf } from './observed.ts';
import { healthRoutes, operationRoutes } from './operations.ts';
import { pageFiles } from './page-files.ts';
import { errorResponder } from './problem.ts';
import { revocationRoutes } from './revocations.ts';
import { sharingRoutes } from './sharing.ts';
import { snapshotRoutes } from './snapshots.ts';
import { stateRoutes } from './state.ts';
import { updateRoutes } from './updates.ts';
import { webhookRoutes } from './webhooks.ts';
import { ySweetRoutes } from './y-sweet.ts';

/** Beside the compiled server: dist/server/http → dist/client/editor/page. */
const EDITOR_PAGE = fileURLToPath(new URL('../../client/editor/page', import.meta.url));

/** Pictures stand in documents by URL; the editor asks its reader before it loads one from elsewhere. */
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' https: data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** A page or an answer smaller than this does not get smaller. */
const COMPRESSED_BYTES_MIN = 1024;

export interface AppOptions {
  /** Probes and scrapers are answered elsewhere: `createOperationsApp`. */
  readonly hasOperationsPort: boolean;
}

export function createApp(context: HttpContext, options: AppOptions): Express {
  const app = bareApp(context);
  app.use(...guardsOrigins(context), guardsApi(context), guardsLoad(context.limits.requestsMax));
  // JSON only: states are compressed once for everybody (compressed-states.ts), streams must not wait.
  const compress = compression({
    threshold: COMPRESSED_BYTES_MIN,
    filter: (_request, response) => /json/.test(String(response.getHeader('Content-Type'))),
  });
  app.use((request, response, next) => {
    // What a write answers is small, and writes are many.
    if (request.method === 'GET' && !request.path.endsWith('/state'))
      compress(request, response, next);
    else next();
  });
  for (const router of apiRoutes(context, options)) app.use(router);
  if (existsSync(EDITOR_PAGE)) app.use(...pageFiles(EDITOR_PAGE));
  return withEnd(app, context);
}

/** What OPERATIONS_PORT answers: nothing that is of use to anybody but operators. */
export function createOperationsApp(context: HttpContext): Express {
  const app = bareApp(context);
  app.use(healthRoutes(context));
  return withEnd(app, context);
}

/** Every route of the API; a test holds them equal to the OpenAPI document. */
export function apiRoutes(context: HttpContext, options: AppOptions): readonly Router[] {
  const idempotency = new Idempotency();
  return [
    stateRoutes(context),
    updateRoutes(context, idempotency),
    eventRoutes(context),
    documentRoutes(context, idempotency),
    contentRoutes(context),
    snapshotRoutes(context, idempotency),
    documentListRoutes(context),
    sharingRoutes(context),
    operationRoutes(context),
    revocationRoutes(context),
    webhookRoutes(context),
    ySweetRoutes(context),
    aboutRoutes(),
    ...(options.hasOperationsPort ? [] : [healthRoutes(context)]),
  ];
}

function bareApp(context: HttpContext): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', 'simple');
  app.use(observed(context), securityHeaders);
  return app;
}

function withEnd(app: Express, context: HttpContext): Express {
  app.use((_request, response) => {
    sendProblem(response, 'not-found');
  });
  app.use(
    errorResponder((error, response) => {
      context.observer.onError(error, requestIdOf(response));
    }),
  );
  return app;
}

const securityHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  });
  next();
};
