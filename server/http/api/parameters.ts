/** Parameters and headers that several routes share. */
import type { Header, Parameter, Schema } from './describe.ts';
import { ref } from './describe.ts';

const base64url: Schema = { type: 'string', pattern: '^[A-Za-z0-9_-]+$' };
const text: Schema = { type: 'string' };

export const parameters: Readonly<Record<string, Parameter>> = {
  doc: {
    name: 'doc',
    in: 'path',
    required: true,
    description: 'Name of the document, URL-encoded; a `/` in it as `%2F`.',
    schema: ref('DocumentName'),
  },
  since: {
    name: 'since',
    in: 'query',
    description:
      'What the caller has: a Yjs state vector, base64url without padding. The answer leaves that out. One too long for a URL goes to `POST …/sync`.',
    schema: base64url,
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    description:
      'Entity tags that the caller has (any coding): 304 when the document is still at one of them.',
    schema: text,
  },
  MinStateVector: {
    name: 'X-Min-State-Vector',
    in: 'header',
    description:
      'A version that the caller has seen, as a state vector in base64url: a node that lags behind it waits up to 2 s, then answers 503 `replica-behind`.',
    schema: base64url,
  },
  MinDeleteDigest: {
    name: 'X-Min-Delete-Digest',
    in: 'header',
    description:
      'What the caller has seen deleted, which a state vector does not tell: `X-Delete-Digest` of an answer of any node, or a delete set as Yjs encodes it, in base64url. Waited for as `X-Min-State-Vector` is.',
    schema: base64url,
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'Names the request: the same key and body within a day, on the same node, gets the same answer, another body 422. Updates are idempotent without.',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  },
  durability: {
    name: 'durability',
    in: 'query',
    description:
      'What must hold when a write is answered: `local`, on disk on this node; `replicated`, also on disk in another region, else 503 `not-replicated` after WRITE_TIMEOUT_MS. Default: the node’s ACK. A node that knows no others has `local` only.',
    schema: { type: 'string', enum: ['local', 'replicated'] },
  },
  limit: {
    name: 'limit',
    in: 'query',
    description: 'Most entries of a page.',
    schema: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
  },
  cursor: {
    name: 'cursor',
    in: 'query',
    description: '`cursor` of the page before. Opaque.',
    schema: { type: 'string', maxLength: 2048 },
  },
};

export const headerComponents: Readonly<Record<string, Header>> = {
  ETag: {
    description: 'The version, quoted; with `-gz` or `-br` at its end when the answer is coded so.',
    schema: text,
  },
  'Cache-Control': {
    description:
      '`private, no-cache` on a node with access control, `public, no-cache` without: kept, but asked for again every time.',
    schema: text,
  },
  Vary: { description: 'What of the request the answer depends on.', schema: text },
  'Content-Encoding': { description: '`gzip` or `br`; large states only.', schema: text },
  'X-Document-Version': { description: 'The version, without quotes.', schema: text },
  'X-State-Vector': {
    description: 'State vector of the whole document, base64url; left out when longer than 4 KiB.',
    schema: text,
  },
  'X-Delete-Digest': {
    description:
      'What is deleted, as Yjs encodes it, in base64url: of a write what the update deletes, of a state all that is. Left out when there is nothing, or more than 4 KiB.',
    schema: text,
  },
  'X-Durability': {
    description: '`degraded`: the disk may not have all of this yet.',
    schema: { type: 'string', enum: ['degraded'] },
  },
  'Idempotency-Replayed': {
    description: '`true`: the answer of the first request with this key.',
    schema: { type: 'string', enum: ['true'] },
  },
  Location: { description: 'Path of what was made.', schema: text },
  'WWW-Authenticate': { description: '`Bearer error="invalid_token"`', schema: text },
  Accept: { description: 'The media types that the route takes.', schema: text },
  'Retry-After': { description: 'Seconds.', schema: text },
  RateLimit: {
    description: 'What is left, a member a limit: `"user";r=599;t=12`.',
    schema: text,
  },
  'RateLimit-Policy': {
    description: 'The limits: `"user";q=600;w=60`.',
    schema: text,
  },
};
