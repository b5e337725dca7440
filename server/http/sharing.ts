/**
 * What a client tells the person in front of it: what an ack means and whether one can be had (`…/durability`), and
 * links to give away (`…/links`).
 */
import { Router } from 'express';
import { allows } from '../access/access.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { jsonOf, readsJson } from './body.ts';
import { authorized, callOf, documentOf, type HttpContext, type NodeReport } from './context.ts';

const LIFETIME_S_DEFAULT = 30 * 24 * 3600;

export function sharingRoutes(context: HttpContext): Router {
  const { access, durability, report } = context;
  const router = Router();
  router.get('/v1/documents/:doc/durability', authorized(context, 'read'), (_request, response) => {
    const node = report();
    response.set('Cache-Control', 'no-store').json({
      access: callOf(response).access,
      isAccessControlled: access.isEnforced,
      canShare: access.canMint,
      region: node.region,
      otherRegions: otherRegionsOf(node),
      ack: durability.ack,
      store: storeWord(node),
    });
  });
  router.post(
    '/v1/documents/:doc/links',
    authorized(context, 'read'),
    readsJson(context, 'LinkRequest'),
    (_request, response) => {
      const { identity, access: level } = callOf(response);
      const asked = jsonOf<{ access: 'read' | 'write'; lifetimeSeconds?: number }>(response);
      if (!allows(level, asked.access)) throw new ProtocolError('read-only');
      const link = access.mintLink(identity, {
        document: documentOf(response),
        access: asked.access,
        lifetimeMs: (asked.lifetimeSeconds ?? LIFETIME_S_DEFAULT) * 1000,
        level,
      });
      if (link === null) throw new ProtocolError('not-found');
      response
        .status(201)
        .set('Cache-Control', 'no-store')
        .json({
          token: link.token,
          access: asked.access,
          tokenId: link.tokenId,
          expiresAt: new Date(link.expiresAtMs).toISOString(),
        });
    },
  );
  return router;
}

function storeWord({ store }: NodeReport): 'open' | 'disk-full' | 'failing' {
  if (store.status === 'open') return 'open';
  return store.isDiskFull ? 'disk-full' : 'failing';
}

function otherRegionsOf({ region, others }: NodeReport): readonly string[] {
  const known = [...(others?.peers ?? []), ...(others?.links ?? [])].map((other) => other.region);
  return [...new Set(known)].filter((name) => name !== region).toSorted();
}
