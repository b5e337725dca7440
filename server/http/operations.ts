/** What operators and their machines ask: health, readiness, metrics, who is there. */
import { Router } from 'express';
import type { Connected } from '../connections/connections.ts';
import type { Timers } from '../rooms/timers.ts';
import { authorized, documentOf, type HttpContext, type OthersReport } from './context.ts';

const CONNECTIONS_SHOWN_MAX = 1000;

/** For probes and scrapers: on a port of their own when OPERATIONS_PORT is set. */
export function healthRoutes({ report, metrics }: HttpContext): Router {
  const router = Router();
  router.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  router.get('/readyz', (_request, response) => {
    const { store, isDraining } = report();
    const isReady = store.status === 'open' && !isDraining;
    response.status(isReady ? 200 : 503);
    if (!isReady) response.set('Retry-After', '1');
    response.json({
      status: isReady ? 'ready' : 'unready',
      store: store.status,
      draining: isDraining,
      ...(store.error === null ? {} : { error: store.error }),
    });
  });
  router.get('/metrics', async (_request, response) => {
    response.type(metrics.contentType).send(await metrics.text());
  });
  return router;
}

export function operationRoutes(context: HttpContext): Router {
  const { connections, report } = context;
  const router = Router();
  router.get(
    '/v1/documents/:doc/connections',
    authorized(context, 'admin', { code: 'not-found' }),
    async (_request, response) => {
      const document = documentOf(response);
      const found = [...connections.of(document)];
      // Says `document-not-found` where there is none; somebody may be in one that has no content yet.
      if (found.length === 0) await context.documents.version(document);
      response.set('Cache-Control', 'no-store').json({
        connections: found
          .slice(0, CONNECTIONS_SHOWN_MAX)
          .map((connected) => connectionJson(connected, context.timers)),
      });
    },
  );
  router.get('/v1/cluster', authorized(context, 'admin'), (_request, response) => {
    const { id, region, startedAtMs, documentsOpen, isDraining, store, others } = report();
    response.set('Cache-Control', 'no-store').json({
      nodes: [
        {
          id,
          region,
          startedAt: new Date(startedAtMs).toISOString(),
          documentsOpen,
          connections: connections.count,
          draining: isDraining,
          store: {
            status: store.status,
            error: store.error,
            queueBytes: store.queueBytes,
            queueRecords: store.queueRecords,
          },
        },
      ],
      ...othersJson(others, context.timers),
    });
  });
  return router;
}

function othersJson(others: OthersReport | null, timers: Timers): object {
  const at = (ms: number): string =>
    new Date(timers.wallClock() - (timers.now() - ms)).toISOString();
  return {
    peers: (others?.peers ?? []).map((peer) => ({
      id: peer.node,
      region: peer.region,
      status: peer.status,
      heardAt: at(peer.heardMs),
      documentsDiffering: peer.differing,
      clockAheadSeconds:
        peer.clockDifferenceMs === null ? null : Math.round(peer.clockDifferenceMs / 100) / 10,
    })),
    links: (others?.links ?? []).map(({ region, status, reason, sinceMs }) => ({
      region,
      status,
      reason,
      since: at(sinceMs),
    })),
    divergence: {
      documents: others?.divergence.documents ?? 0,
      ageSeconds: Math.round((others?.divergence.ageMs ?? 0) / 100) / 10,
    },
  };
}

function connectionJson(
  { session, pass, transport, openedMs }: Connected,
  timers: Timers,
): unknown {
  const openedAtMs = timers.wallClock() - (timers.now() - openedMs);
  return {
    transport,
    user: pass?.identity.subject ?? 'anonymous',
    access: session.canWrite ? 'write' : 'read',
    openedAt: new Date(openedAtMs).toISOString(),
    bufferedBytes: session.outlet.bufferedBytes,
  };
}
