/** Revocations, tickets, links. */
import {
  json,
  object,
  OF_A_BODY,
  OF_A_DOCUMENT,
  parameter,
  problems,
  ref,
  type Paths,
  type Schema,
} from './describe.ts';

const name: Schema = { type: 'string', minLength: 1, maxLength: 200 };
const at: Schema = { type: 'string', format: 'date-time' };
const revoked: Readonly<Record<string, Schema>> = {
  tokenId: { ...name, description: '`jti` of a token.' },
  subject: { ...name, description: '`sub` of tokens: a user.' },
  document: { ...name, description: 'Only this document; without it all of them.' },
};

const lifetimeS: Schema = {
  type: 'integer',
  minimum: 60,
  maximum: 366 * 24 * 3600,
  description: 'Seconds; less when the node, or the token that asks, allows less.',
};

export const accessSchemas: Readonly<Record<string, Schema>> = {
  RevocationRequest: { ...object(revoked, Object.keys(revoked)), minProperties: 1 },
  Revocation: object(
    { ...revoked, at: { ...at, description: 'Tokens issued after this are good again.' } },
    Object.keys(revoked),
  ),
  Revocations: object({ revocations: { type: 'array', items: ref('Revocation') } }),
  LinkRequest: object(
    { access: { type: 'string', enum: ['read', 'write'] }, lifetimeSeconds: lifetimeS },
    ['lifetimeSeconds'],
  ),
  Link: object({
    token: { type: 'string', description: 'Good for this document only.' },
    access: { type: 'string', enum: ['read', 'write'] },
    tokenId: {
      type: ['string', 'null'],
      description: 'What to revoke to end it; null: it ends with the token that asked for it.',
    },
    expiresAt: at,
  }),
  Ticket: object({
    token: { type: 'string', description: 'Good for one use, as `?token=` or otherwise.' },
    expiresAt: { ...at, description: 'When it can no longer be used.' },
  }),
};

export const accessPaths: Paths = {
  '/v1/documents/{doc}/links': {
    post: {
      operationId: 'createLink',
      tags: ['operations'],
      summary: 'A token for one document, to share it. Needs the access that it gives.',
      description:
        'Who administers the document may let it last as long as tokens may, and revoke it by its `tokenId`. Others hand on what they have: it ends when their own token does. Only on nodes that hold a secret (JWT_SECRET) to sign it with.',
      parameters: [parameter('doc')],
      requestBody: { required: true, content: json(ref('LinkRequest')) },
      responses: {
        201: { description: 'The token.', content: json(ref('Link')) },
        ...problems(OF_A_DOCUMENT, OF_A_BODY, 'read-only', 'not-found'),
      },
    },
  },
  '/v1/revocations': {
    get: {
      operationId: 'listRevocations',
      tags: ['operations'],
      summary: 'What was revoked, newest first, at most 1,000. Needs admin access to the node.',
      responses: {
        200: { description: 'Revocations in force.', content: json(ref('Revocations')) },
        ...problems('not-found'),
      },
    },
    post: {
      operationId: 'revoke',
      tags: ['operations'],
      summary:
        'Ends what a token, a user, or either on one document may do. Needs admin access to the node.',
      description:
        'Everything that is named has to fit. Open connections end at once; tokens issued afterwards are good again. Kept for as long as a token may live.',
      requestBody: { required: true, content: json(ref('RevocationRequest')) },
      responses: {
        201: { description: 'In force and durable.', content: json(ref('Revocation')) },
        ...problems(OF_A_BODY, 'not-found'),
      },
    },
  },
  '/v1/tickets': {
    post: {
      operationId: 'createTicket',
      tags: ['operations'],
      summary: 'A single-use ticket with the rights of the token that asks, for URLs.',
      description:
        'To be used within 30 s; what it opens lasts as long as the token. Only on nodes that hold a secret (JWT_SECRET) to sign it with.',
      responses: {
        201: { description: 'The ticket.', content: json(ref('Ticket')) },
        ...problems('not-found'),
      },
    },
  },
};
