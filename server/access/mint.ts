/** Making tokens: for trying out (`syncline token`), and tickets that stand for a token for a few seconds. */
import { randomUUID, type KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import type { Grant } from './grants.ts';
import type { Algorithm } from './keys.ts';
import { TICKET_LIFETIME_MAX_MS } from './token.ts';

export interface SigningKey {
  readonly algorithm: Algorithm;
  /** Secret or private. */
  readonly key: KeyObject;
  readonly keyId: string | null;
}

export interface Minting {
  readonly subject: string;
  readonly docs: readonly Grant[];
  readonly issuer: string | null;
  readonly audience: string | null;
  readonly nowMs: number;
  /** When the token ends; for a ticket: when the session ends that it opens. */
  readonly expiresAtMs: number;
  /** Good for one use within half a minute. */
  readonly isTicket: boolean;
  /** Of the token that a ticket stands for: revoking it ends what the ticket opened. */
  readonly parentId: string | null;
  /** Default: made here. */
  readonly tokenId?: string;
}

export function mintToken(signing: SigningKey, minting: Minting): string {
  const { subject, docs, issuer, audience, nowMs, expiresAtMs, isTicket, parentId } = minting;
  const iat = Math.floor(nowMs / 1000);
  const endS = Math.floor(expiresAtMs / 1000);
  const claims = {
    sub: subject,
    iat,
    exp: isTicket ? Math.min(endS, iat + TICKET_LIFETIME_MAX_MS / 1000) : endS,
    jti: minting.tokenId ?? randomUUID(),
    docs,
    ...(issuer === null ? {} : { iss: issuer }),
    ...(audience === null ? {} : { aud: audience }),
    ...(isTicket ? { once: true, until: endS } : {}),
    ...(parentId === null ? {} : { for: parentId }),
  };
  return jwt.sign(claims, signing.key, {
    algorithm: signing.algorithm,
    ...(signing.keyId === null ? {} : { keyid: signing.keyId }),
  });
}
