/** Routes of a document's content and history. */
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
  type Parameter,
  type Paths,
} from './describe.ts';

const rootName: Parameter = {
  name: 'name',
  in: 'query',
  required: true,
  description: 'The root: what `doc.getText(name)` has for a name. May be empty.',
  schema: { type: 'string', maxLength: 1024 },
};

export const contentPaths: Paths = {
  '/v1/documents/{doc}/content': {
    get: {
      operationId: 'getContent',
      tags: ['content'],
      summary: 'One root of the document, for readers without Yjs. Needs read access.',
      description:
        'A root that does not exist is empty. What cannot be read as the type is 409 `wrong-type`: a document does not say what its roots are used as, only what lies in them. A text with `Accept: application/json` is a Quill delta with formatting and embeds. XML is one element `<fragment>` around the content, escaped, with formatting as elements around the text. In JSON, keys of maps are sorted, a nested text is a string, bytes are base64, a subdocument is its guid.',
      parameters: [
        parameter('doc'),
        {
          name: 'type',
          in: 'query',
          required: true,
          description: 'What to read it as.',
          schema: { type: 'string', enum: ['text', 'xml', 'map', 'array'] },
        },
        rootName,
        parameter('IfNoneMatch'),
        parameter('MinStateVector'),
        parameter('MinDeleteDigest'),
      ],
      responses: {
        200: {
          description: 'The content.',
          headers: headers(
            'ETag',
            'Cache-Control',
            'Vary',
            'Content-Encoding',
            'X-Document-Version',
            'X-Durability',
          ),
          content: { 'text/plain': {}, 'application/xml': {}, 'application/json': {} },
        },
        304: {
          description: 'Still the same; nothing was rendered.',
          headers: headers('ETag', 'Cache-Control', 'Vary'),
        },
        ...problems(
          OF_A_DOCUMENT,
          'wrong-type',
          'content-too-large',
          'too-expensive',
          'invalid-state-vector',
        ),
      },
    },
  },
};

const id: Parameter = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'Id of the snapshot.',
  schema: { type: 'string' },
};

export const snapshotPaths: Paths = {
  '/v1/documents/{doc}/snapshots': {
    get: {
      operationId: 'listSnapshots',
      tags: ['snapshots'],
      summary: 'Snapshots of the document, newest first. Needs read access.',
      parameters: [parameter('doc'), parameter('cursor'), parameter('limit')],
      responses: {
        200: { description: 'A page.', content: json(ref('SnapshotPage')) },
        ...problems(OF_A_DOCUMENT),
      },
    },
    post: {
      operationId: 'createSnapshot',
      tags: ['snapshots'],
      summary: 'Keeps the document as it is now; answers when that is durable. Needs write access.',
      description:
        'It holds everything that was acknowledged before the request. Snapshots go when their document is deleted.',
      parameters: [parameter('doc'), parameter('IdempotencyKey')],
      requestBody: { content: json(ref('SnapshotRequest')) },
      responses: {
        201: {
          description: 'Durable.',
          headers: headers('Location', 'ETag', 'Idempotency-Replayed'),
          content: json(ref('Snapshot')),
        },
        ...problems(
          OF_A_DOCUMENT,
          OF_A_BODY,
          'read-only',
          'snapshot-limit',
          'idempotency-conflict',
        ),
      },
    },
  },
  '/v1/documents/{doc}/snapshots/{id}': {
    get: {
      operationId: 'getSnapshot',
      tags: ['snapshots'],
      summary: 'What is known of a snapshot, or the state that it keeps. Needs read access.',
      description:
        'With `Accept: application/octet-stream`: the state as one Yjs update. It never changes.',
      parameters: [parameter('doc'), id, parameter('IfNoneMatch')],
      responses: {
        200: {
          description: 'The snapshot, or a Yjs V1 update.',
          headers: headers(
            'ETag',
            'Cache-Control',
            'Vary',
            'Content-Encoding',
            'X-Document-Version',
          ),
          content: { ...json(ref('Snapshot')), ...bytes },
        },
        304: { description: 'Still there.', headers: headers('ETag', 'Cache-Control', 'Vary') },
        ...problems(OF_A_DOCUMENT, 'snapshot-not-found'),
      },
    },
    delete: {
      operationId: 'deleteSnapshot',
      tags: ['snapshots'],
      summary: 'Deletes a snapshot; the document stays as it is. Needs write access.',
      parameters: [parameter('doc'), id],
      responses: {
        204: { description: 'Deleted, durable.' },
        ...problems(OF_A_DOCUMENT, 'snapshot-not-found', 'read-only'),
      },
    },
  },
  '/v1/documents/{doc}/snapshots/{id}/diff': {
    get: {
      operationId: 'diffSnapshot',
      tags: ['snapshots'],
      summary: 'What has changed in a text since a snapshot. Needs read access.',
      description:
        'A unified diff of lines, or with `Accept: application/json` a list: word by word where few changed, else line by line.',
      parameters: [
        parameter('doc'),
        id,
        {
          name: 'to',
          in: 'query',
          description: 'Id of another snapshot, or `now`.',
          schema: { type: 'string', default: 'now' },
        },
        {
          name: 'type',
          in: 'query',
          description: 'Only texts are compared.',
          schema: { type: 'string', enum: ['text'], default: 'text' },
        },
        rootName,
      ],
      responses: {
        200: {
          description: 'The difference.',
          headers: headers('Vary'),
          content: { 'text/x-diff': {}, ...json(ref('TextChanges')) },
        },
        ...problems(OF_A_DOCUMENT, 'snapshot-not-found', 'wrong-type', 'too-expensive'),
      },
    },
  },
  '/v1/documents/{doc}/snapshots/{id}/restore': {
    post: {
      operationId: 'restoreSnapshot',
      tags: ['snapshots'],
      summary: 'Makes the document show what the snapshot does. Needs write access.',
      description:
        'By an update like any other, written now: what is edited meanwhile merges with it, what is the same now and then stays untouched, and the history goes on. Restoring twice changes nothing.',
      parameters: [parameter('doc'), id, parameter('IdempotencyKey')],
      responses: {
        200: {
          description: 'Durable. `redundant`: the document was like that already.',
          headers: headers('ETag', 'Idempotency-Replayed'),
          content: json(ref('Written')),
        },
        ...problems(
          OF_A_DOCUMENT,
          OF_AN_UPDATE,
          'snapshot-not-found',
          'too-expensive',
          'idempotency-conflict',
        ),
      },
    },
  },
};
