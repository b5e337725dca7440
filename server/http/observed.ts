/** Every request is counted and reported once, when its answer has ended: no token, no query, no body. [I7] */
import { randomBytes } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import type { ErrorCode } from '../protocol/errors.ts';
import type { HttpContext } from './context.ts';

export function observed({ timers, observer }: HttpContext): RequestHandler {
  return (request, response, next) => {
    const startMs = timers.now();
    const id = randomBytes(9).toString('base64url');
    const { method, path, url } = request;
    response.locals['requestId'] = id;
    response.set('X-Request-Id', id);
    response.once('close', () => {
      observer.onRequest({
        id,
        method,
        route: (response.locals['route'] as string | undefined) ?? 'other',
        path: /[?&]token=/.test(url) ? `${path}?token=REDACTED` : path,
        status: response.statusCode,
        problem: (response.locals['problem'] as ErrorCode | undefined) ?? null,
        durationMs: timers.now() - startMs,
      });
    });
    next();
  };
}

export function requestIdOf(response: Response): string {
  return (response.locals['requestId'] as string | undefined) ?? '';
}
