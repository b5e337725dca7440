/** Every request is counted and reported once, when its answer has ended: no token, no query, no body. [I7] */
import { randomBytes } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import type { ErrorCode } from '../protocol/errors.ts';
import type { Traceparent } from '../rooms/tracing.ts';
import type { HttpContext } from './context.ts';

/** Asked every few seconds, and of no interest one by one. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

export function observed({ timers, observer, tracing }: HttpContext): RequestHandler {
  return (request, response, next) => {
    const startMs = timers.now();
    const id = randomBytes(9).toString('base64url');
    const { method, path, url } = request;
    const parent = request.get('traceparent');
    const trace = (PROBES.has(path) ? null : tracing?.request({ method, parent })) ?? null;
    if (trace !== null) response.locals['traceparent'] = trace.traceparent;
    response.locals['requestId'] = id;
    response.set('X-Request-Id', id);
    response.once('close', () => {
      const route = (response.locals['route'] as string | undefined) ?? 'other';
      const problem = (response.locals['problem'] as ErrorCode | undefined) ?? null;
      trace?.end({ route, path, status: response.statusCode, problem });
      observer.onRequest({
        id,
        method,
        route,
        path: /[?&]token=/.test(url) ? `${path}?token=REDACTED` : path,
        status: response.statusCode,
        problem,
        durationMs: timers.now() - startMs,
      });
    });
    next();
  };
}

/** What its work is told as part of; null: the request is not followed. */
export function traceparentOf(response: Response): Traceparent | null {
  return (response.locals['traceparent'] as Traceparent | undefined) ?? null;
}

export function requestIdOf(response: Response): string {
  return (response.locals['requestId'] as string | undefined) ?? '';
}
