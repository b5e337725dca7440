/** Routes of documents as a whole, their state and their updates. */
import {
  bytes,
  headers,
  json,
  OF_A_BODY,
  OF_A_DOCUMENT,
  OF_AN_UPDATE,
  parameter,
  problems,
  ref,
  type Media,
  type Paths,
} from './describe.ts';

const WRITTEN_HEADERS = headers('ETag', 'X-Delete-Digest', 'Idempotency-Replayed');
const IDEMPOTENCY = ['idempotency-conflict'] as const;
const syncMedia: Readonly<Record<string, Media>> = { 'application/vnd.syncline.sync': {} };

export const documentPaths: Paths = {
  '/v1/documents': {
    get: {
      operationId: 'listDocuments',
      tags: ['documents'],
      summary: 'Documents that the caller may read, in order of name.',
      description:
        'A node that has just started among others answers 503 `replica-behind` until it has got what they have.',
      parameters: [
        {
          name: 'prefix',
          in: 'query',
          description: 'Only names that begin so.',
          schema: { type: 'string', maxLength: 200 },
        },
        parameter('cursor'),
        parameter('limit'),
      ],
      responses: {
        200: { description: 'A page.', content: json(ref('DocumentPage')) },
        ...problems('replica-behind'),
      },
    },
  },
  '/v1/documents/{doc}': {
    get: {
      operationId: 'getDocument',
      tags: ['documents'],
      summary: 'What is known of a document without reading it. Needs read access.',
      parameters: [
        parameter('doc'),
        parameter('IfNoneMatch'),
        parameter('MinStateVector'),
        parameter('MinDeleteDigest'),
      ],
      responses: {
        200: {
          description: 'The document.',
          headers: headers('ETag', 'Cache-Control', 'Vary', 'X-Durability'),
          content: json(ref('Document')),
        },
        304: { description: 'Still at that version.', headers: headers('ETag', 'Cache-Control') },
        ...problems(OF_A_DOCUMENT, 'invalid-state-vector'),
      },
    },
    put: {
      operationId: 'putDocument',
      tags: ['documents'],
      summary: 'Creates a document, or merges into it. Needs write access.',
      description:
        'The body, if there is one, is a Yjs update. With `If-None-Match: *` it seeds once: of several clients that try, one is answered 201 and the others 412, and nothing of theirs is written. Without, an update to a document that exists is merged like one to `…/updates`.',
      parameters: [
        parameter('doc'),
        {
          name: 'If-None-Match',
          in: 'header',
          description: '`*`: only if there is no such document.',
          schema: { type: 'string', enum: ['*'] },
        },
        parameter('durability'),
        parameter('IdempotencyKey'),
      ],
      requestBody: { description: 'A Yjs V1 update.', content: bytes },
      responses: {
        200: {
          description: 'It existed; the update, if any, was merged and is durable.',
          headers: WRITTEN_HEADERS,
          content: json(ref('Written')),
        },
        201: {
          description: 'Created, durable.',
          headers: { ...WRITTEN_HEADERS, ...headers('Location') },
          content: json(ref('Written')),
        },
        ...problems(
          'not-replicated',
          OF_A_DOCUMENT,
          OF_A_BODY,
          OF_AN_UPDATE,
          'document-exists',
          IDEMPOTENCY,
        ),
      },
    },
    delete: {
      operationId: 'deleteDocument',
      tags: ['documents'],
      summary: 'Deletes a document and its snapshots, for good. Needs admin access to it.',
      description:
        'Connections are closed with 4404. The name cannot be used again: a client that was offline must not bring the document back.',
      parameters: [parameter('doc')],
      responses: {
        204: { description: 'Deleted, durable.' },
        ...problems(OF_A_DOCUMENT, 'forbidden'),
      },
    },
  },
  '/v1/documents/{doc}/state': {
    get: {
      operationId: 'getState',
      tags: ['documents'],
      summary: 'The document as one Yjs update, or what the caller lacks of it. Needs read access.',
      description:
        'Made for first loads: served as it lies on disk, with a strong validator, and compressed once for everybody.',
      parameters: [
        parameter('doc'),
        parameter('since'),
        parameter('IfNoneMatch'),
        parameter('MinStateVector'),
        parameter('MinDeleteDigest'),
      ],
      responses: {
        200: {
          description: 'A Yjs V1 update.',
          headers: headers(
            'ETag',
            'Cache-Control',
            'Vary',
            'Content-Encoding',
            'X-Document-Version',
            'X-State-Vector',
            'X-Delete-Digest',
            'X-Durability',
          ),
          content: bytes,
        },
        304: {
          description: 'Still at that version.',
          headers: headers('ETag', 'Cache-Control', 'Vary'),
        },
        ...problems(OF_A_DOCUMENT, 'invalid-state-vector'),
      },
    },
  },
  '/v1/documents/{doc}/updates': {
    post: {
      operationId: 'postUpdate',
      tags: ['documents'],
      summary: 'Merges an update; answers when it is durable. Needs write access.',
      description: 'Safe to repeat. A document that does not exist is created.',
      parameters: [
        parameter('doc'),
        {
          name: 'connection',
          in: 'query',
          description:
            'The event stream whose client this is (see `…/events`): it is not sent its own update.',
          schema: { type: 'string', maxLength: 64 },
        },
        parameter('durability'),
        parameter('IdempotencyKey'),
      ],
      requestBody: { required: true, description: 'One Yjs V1 update.', content: bytes },
      responses: {
        200: { description: 'Durable.', headers: WRITTEN_HEADERS, content: json(ref('Written')) },
        ...problems(
          OF_A_DOCUMENT,
          OF_A_BODY,
          OF_AN_UPDATE,
          'connection-not-found',
          'unresolved-gap',
          'not-replicated',
          IDEMPOTENCY,
        ),
      },
    },
  },
  '/v1/documents/{doc}/sync': {
    post: {
      operationId: 'syncDocument',
      tags: ['documents'],
      summary:
        'One round trip for a client that was offline. Needs read access, write to bring anything new.',
      description:
        'The client sends its state vector and what it has to bring; it is answered with what it lacks, when its own is durable. The same twice does no harm.',
      parameters: [parameter('doc'), parameter('durability')],
      requestBody: {
        required: true,
        description:
          'Binary: two byte strings, each with its length before it as a varint (lib0, LEB128): the state vector, and the update (length 0: none).',
        content: { ...syncMedia, ...json(ref('SyncRequest')) },
      },
      responses: {
        200: {
          description:
            'As the request: the state vector of the server after the write, and what the client lacked.',
          headers: headers('X-Document-Version', 'X-Delete-Digest', 'X-Durability'),
          content: { ...syncMedia, ...json(ref('SyncAnswer')) },
        },
        ...problems(
          OF_A_DOCUMENT,
          OF_A_BODY,
          OF_AN_UPDATE,
          'invalid-state-vector',
          'not-replicated',
        ),
      },
    },
  },
  '/v1/documents/{doc}/copy': {
    post: {
      operationId: 'copyDocument',
      tags: ['documents'],
      summary:
        'Copies a document to a name that is free. Needs read access here and write access there.',
      parameters: [parameter('doc'), parameter('IdempotencyKey')],
      requestBody: { required: true, content: json(ref('CopyRequest')) },
      responses: {
        201: {
          description: 'Copied, durable.',
          headers: { ...WRITTEN_HEADERS, ...headers('Location') },
          content: json(ref('Written')),
        },
        ...problems(
          OF_A_DOCUMENT,
          OF_A_BODY,
          'document-exists',
          'read-only',
          'document-too-large',
          'not-replicated',
          IDEMPOTENCY,
        ),
      },
    },
  },
};
