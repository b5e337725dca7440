/** Revocations and tickets. */
import { json, object, OF_A_BODY, problems, ref, type Paths, type Schema } from './describe.ts';

const name: Schema = { type: 'string', minLength: 1, maxLength: 200 };
const at: Schema = { type: 'string', format: 'date-time' };
const revoked: Readonly<Record<string, Schema>> = {
  tokenId: { ...name, description: '`jti` of a token.' },
  subject: { ...name, description: '`sub` of tokens: a user.' },
  document: { ...name, description: 'Only this document; without it all of them.' },
};

export const accessSchemas: Readonly<Record<string, Schema>> = {
  RevocationRequest: { ...object(revoked, Object.keys(revoked)), minProperties: 1 },
  Revocation: object(
    { ...revoked, at: { ...at, description: 'Tokens issued after this are good again.' } },
    Object.keys(revoked),
  ),
  Revocations: object({ revocations: { type: 'array', items: ref('Revocation') } }),
  Ticket: object({
    token: { type: 'string', description: 'Good for one use, as `?token=` or otherwise.' },
    expiresAt: { ...at, description: 'When it can no longer be used.' },
  }),
};

export const accessPaths: Paths = {
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
