/**
 * Taking access away (`/v1/revocations`, admin over the whole node), and single-use tickets for where a token would
 * have to stand in a URL (`/v1/tickets`, for everybody with a token; only where the node holds a secret to sign with).
 */
import { Router } from 'express';
import type { Revocation } from '../access/access.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { jsonOf, readsJson } from './body.ts';
import { authorized, callOf, type HttpContext } from './context.ts';

const SHOWN_MAX = 1000;

export function revocationRoutes(context: HttpContext): Router {
  const { access, timers } = context;
  const router = Router();
  router.get('/v1/revocations', authorized(context, 'admin'), (_request, response) => {
    const newestFirst = access.revocations().toSorted((a, b) => b.atMs - a.atMs);
    response.set('Cache-Control', 'no-store').json({
      revocations: newestFirst.slice(0, SHOWN_MAX).map(shown),
    });
  });
  router.post(
    '/v1/revocations',
    authorized(context, 'admin'),
    readsJson(context, 'RevocationRequest'),
    async (_request, response) => {
      const request = jsonOf<Omit<Revocation, 'atMs'>>(response);
      const revocation = { ...request, atMs: timers.wallClock() };
      await access.revoke(revocation);
      response.status(201).set('Cache-Control', 'no-store').json(shown(revocation));
    },
  );
  router.post('/v1/tickets', authorized(context, 'none'), (_request, response) => {
    const ticket = access.mintTicket(callOf(response).identity);
    if (ticket === null) throw new ProtocolError('not-found');
    response
      .status(201)
      .set('Cache-Control', 'no-store')
      .json({ token: ticket.token, expiresAt: new Date(ticket.expiresAtMs).toISOString() });
  });
  return router;
}

function shown({ atMs, ...names }: Revocation): Record<string, unknown> {
  return { ...names, at: new Date(atMs).toISOString() };
}
