/** Routes of Y-Sweet's SDK, under its own names. */
import {
  bytes,
  json,
  object,
  OF_A_BODY,
  OF_A_DOCUMENT,
  OF_AN_UPDATE,
  parameter,
  problems,
  ref,
  type Paths,
  type Schema,
} from './describe.ts';

const docId: Schema = {
  type: 'string',
  pattern: '^[A-Za-z0-9_-]+$',
  maxLength: 200,
  description: 'The document. Y-Sweet takes fewer names than this server has.',
};
const authorization: Schema = { type: 'string', enum: ['full', 'read-only'] };

export const ySweetSchemas: Readonly<Record<string, Schema>> = {
  YSweetNewRequest: object({ docId }, ['docId']),
  YSweetDocument: object({ docId }),
  YSweetAuthRequest: object(
    {
      authorization,
      userId: {
        type: 'string',
        minLength: 1,
        maxLength: 128,
        description: 'Whose token it is to be. Only of callers that administer the document.',
      },
      validForSeconds: { type: 'integer', minimum: 1, maximum: 366 * 24 * 3600 },
    },
    ['authorization', 'userId', 'validForSeconds'],
  ),
  YSweetClientToken: object(
    {
      url: { type: 'string', description: 'WebSocket; the client adds the document.' },
      baseUrl: { type: 'string', description: 'Of `as-update` and `update`.' },
      docId: { type: 'string' },
      token: { type: 'string', description: 'Absent on a node without access control.' },
      authorization,
    },
    ['token'],
  ),
  YSweetStore: object({ ok: { type: 'boolean' }, error: { type: 'string' } }, ['error']),
};

export const ySweetPaths: Paths = {
  '/doc/new': {
    post: {
      operationId: 'ySweetCreate',
      tags: ['y-sweet'],
      summary: 'Creates a document without content, unless it is there. Needs write access to it.',
      requestBody: { required: true, content: json(ref('YSweetNewRequest')) },
      responses: {
        200: { description: 'It is there.', content: json(ref('YSweetDocument')) },
        ...problems(OF_A_DOCUMENT, OF_A_BODY, 'read-only', 'forbidden'),
      },
    },
  },
  '/doc/{doc}/auth': {
    post: {
      operationId: 'ySweetAuth',
      tags: ['y-sweet'],
      summary: 'A token for a client of a document that exists. Needs the access that it gives.',
      description:
        'Good for an hour unless said otherwise, and for no longer than the node allows. Only on nodes that hold a secret (JWT_SECRET) to sign it with, or have no access control.',
      parameters: [parameter('doc')],
      requestBody: { content: json(ref('YSweetAuthRequest')) },
      responses: {
        200: { description: 'For the client.', content: json(ref('YSweetClientToken')) },
        ...problems(OF_A_DOCUMENT, OF_A_BODY, 'read-only', 'not-found'),
      },
    },
  },
  '/d/{doc}/as-update': {
    get: {
      operationId: 'ySweetRead',
      tags: ['y-sweet'],
      summary: 'The document as one update. Needs read access.',
      parameters: [parameter('doc')],
      responses: {
        200: { description: 'An update.', content: bytes },
        ...problems(OF_A_DOCUMENT),
      },
    },
  },
  '/d/{doc}/update': {
    post: {
      operationId: 'ySweetWrite',
      tags: ['y-sweet'],
      summary: 'Writes an update to a document that exists. Answered when durable.',
      parameters: [parameter('doc')],
      requestBody: { required: true, content: bytes },
      responses: {
        200: { description: 'Durable.', content: json(ref('Written')) },
        ...problems(OF_A_DOCUMENT, OF_A_BODY, OF_AN_UPDATE),
      },
    },
  },
  '/check_store': {
    post: {
      operationId: 'ySweetCheckStore',
      tags: ['y-sweet'],
      summary: 'Whether the store takes writes.',
      responses: {
        200: { description: 'Now.', content: json(ref('YSweetStore')) },
        ...problems(),
      },
    },
  },
};
