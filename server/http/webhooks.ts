/**
 * Webhook events that were given up (`/v1/webhooks/dead-letters`, admin over the whole node): to look at, send again,
 * or throw away. On a node without WEBHOOK_URL the routes are not there.
 */
import { Router } from 'express';
import { ProtocolError } from '../protocol/errors.ts';
import type { DeadLetterEntry, DeadLetters } from '../webhooks/dead-letters.ts';
import { authorized, type HttpContext } from './context.ts';
import { limitOf, textOf } from './query.ts';

export function webhookRoutes(context: HttpContext): Router {
  const router = Router();
  const lettersOf = (): DeadLetters => {
    if (context.deadLetters === null) throw new ProtocolError('not-found');
    return context.deadLetters;
  };
  router.get(
    '/v1/webhooks/dead-letters',
    authorized(context, 'admin'),
    async (request, response) => {
      const limit = limitOf(request);
      const entries = await lettersOf().list(textOf(request, 'cursor') ?? null, limit);
      response.set('Cache-Control', 'no-store').json({
        deadLetters: entries.map(shown),
        // Ids sort by age.
        cursor: entries.length === limit ? (entries.at(-1)?.id ?? null) : null,
      });
    },
  );
  router.post(
    '/v1/webhooks/dead-letters/:id/retry',
    authorized(context, 'admin'),
    async (request, response) => {
      if (!(await lettersOf().retry(idOf(request.params)))) throw new ProtocolError('not-found');
      response.status(202).set('Cache-Control', 'no-store').end();
    },
  );
  router.delete(
    '/v1/webhooks/dead-letters/:id',
    authorized(context, 'admin'),
    async (request, response) => {
      if (!(await lettersOf().discard(idOf(request.params)))) throw new ProtocolError('not-found');
      response.status(204).set('Cache-Control', 'no-store').end();
    },
  );
  return router;
}

/** Longer than any id, so that no record is looked for under such a key. */
const ID_LENGTH_MAX = 64;

function idOf({ id }: Readonly<Record<string, string | string[] | undefined>>): string {
  if (typeof id !== 'string' || id.length > ID_LENGTH_MAX) throw new ProtocolError('not-found');
  return id;
}

function shown({ id, letter }: DeadLetterEntry): Record<string, unknown> {
  if (letter === null) return { id, damaged: true };
  return {
    id,
    type: `document.${letter.kind}`,
    document: letter.document,
    at: new Date(letter.atMs).toISOString(),
    attempts: letter.attempts,
    reason: letter.reason,
    failedAt: new Date(letter.failedAtMs).toISOString(),
  };
}
