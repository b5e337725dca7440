/** The schemas of the API: served in the OpenAPI document, and what request bodies are held against. */
import { ERRORS } from '../../protocol/errors.ts';
import { accessSchemas } from './access.ts';
import { object, ref, type Schema } from './describe.ts';
import { webhookSchemas } from './webhooks.ts';
import { ySweetSchemas } from './y-sweet.ts';

const BASE64URL: Schema = { type: 'string', pattern: '^[A-Za-z0-9_-]*$' };
const BASE64: Schema = { type: 'string', pattern: '^[A-Za-z0-9+/_-]*={0,2}$' };

const documentName: Schema = {
  type: 'string',
  minLength: 1,
  maxLength: 200,
  description:
    'Letters, digits and `-_.~:@/ +`, NFC; no empty, `.` or `..` segment, no space at either end.',
  examples: ['team/notes'],
};

const time = (description: string): Schema => ({
  type: ['string', 'null'],
  format: 'date-time',
  description: `${description} Null where it was not recorded.`,
});

const version: Schema = {
  ...BASE64URL,
  description: 'Digest of the version; the entity tag of the state without its quotes.',
};

const stateVector: Schema = {
  ...BASE64URL,
  description: 'Yjs state vector, base64url.',
};

export const schemas: Readonly<Record<string, Schema>> = {
  ...accessSchemas,
  ...ySweetSchemas,
  ...webhookSchemas,
  DocumentName: documentName,
  Problem: {
    type: 'object',
    description: 'RFC 9457. Members beyond these depend on the code.',
    properties: {
      type: {
        type: 'string',
        description: '`https://<host>/problems/<code>`',
        format: 'uri-reference',
      },
      title: { type: 'string' },
      status: { type: 'integer', minimum: 400, maximum: 599 },
      code: { type: 'string', enum: Object.keys(ERRORS) },
      detail: {
        type: 'string',
        description: 'What was wrong this time, where there is more to say.',
      },
      missing: {
        ...BASE64URL,
        description: 'With `update-gap`: the state vector to make an update from that has it all.',
      },
      limit: { type: 'integer', description: 'With `body-too-large`: bytes.' },
    },
    required: ['type', 'title', 'status', 'code'],
  },
  DocumentPage: object({
    documents: {
      type: 'array',
      items: object({ name: ref('DocumentName'), createdAt: time('When it was created.') }),
    },
    cursor: {
      type: ['string', 'null'],
      description:
        'Where the next page starts; null on the last one. A page may be empty and not the last.',
    },
  }),
  Document: object({
    name: ref('DocumentName'),
    version,
    stateVector,
    bytes: { type: 'integer', minimum: 0, description: 'Size of the state, encoded.' },
    createdAt: time('When it was created.'),
    updatedAt: time('When it last changed.'),
    connections: { type: 'integer', minimum: 0, description: 'Open on this node.' },
  }),
  Written: object({
    document: ref('DocumentName'),
    version,
    stateVector: {
      ...stateVector,
      type: ['string', 'null'],
      description: 'Yjs state vector after the write, base64url; null when it is over 16 KiB.',
    },
    redundant: { type: 'boolean', description: 'The document had all of it already.' },
  }),
  CopyRequest: object({ to: ref('DocumentName') }),
  SyncRequest: object(
    {
      stateVector: {
        ...BASE64,
        description: 'What the client has: Yjs state vector, base64 or base64url.',
      },
      update: {
        ...BASE64,
        type: ['string', 'null'],
        description: 'What it brings: Yjs update, base64 or base64url; nothing without.',
      },
    },
    ['update'],
  ),
  SyncAnswer: object({
    document: ref('DocumentName'),
    version,
    stateVector,
    update: { ...BASE64, description: 'What the client lacked: Yjs update, base64.' },
    redundant: { type: 'boolean', description: 'The client brought nothing new.' },
  }),
  SnapshotRequest: object(
    { label: { type: ['string', 'null'], maxLength: 200, description: 'What to call it.' } },
    ['label'],
  ),
  Snapshot: object({
    id: { type: 'string', description: 'Sorts by when it was made.' },
    label: { type: ['string', 'null'] },
    createdAt: { type: 'string', format: 'date-time' },
    author: {
      type: 'string',
      description: 'Subject of the token it was made with; `anonymous` without access control.',
    },
    version,
    bytes: { type: 'integer', minimum: 0, description: 'Size of the state, encoded.' },
  }),
  SnapshotPage: object({
    snapshots: { type: 'array', items: ref('Snapshot') },
    cursor: { type: ['string', 'null'], description: 'Where the next page starts.' },
  }),
  TextChanges: object({
    changes: {
      type: 'array',
      items: object({
        kind: { type: 'string', enum: ['equal', 'added', 'removed'] },
        text: { type: 'string' },
      }),
    },
  }),
  Connections: object({
    connections: {
      type: 'array',
      items: object({
        transport: { type: 'string', enum: ['websocket', 'events'] },
        user: {
          type: 'string',
          description: 'Subject of its token; `anonymous` without access control.',
        },
        access: { type: 'string', enum: ['read', 'write'] },
        openedAt: { type: 'string', format: 'date-time' },
        bufferedBytes: { type: 'integer', minimum: 0, description: 'Sent, and not yet taken.' },
      }),
    },
  }),
  Durability: object({
    access: {
      type: 'string',
      enum: ['read', 'write', 'admin'],
      description: 'What the caller may do with the document.',
    },
    isAccessControlled: { type: 'boolean' },
    canShare: { type: 'boolean', description: 'Whether the node signs links.' },
    region: { type: 'string' },
    otherRegions: {
      type: 'array',
      description: 'That this node knows. A replicated ack means: and one of these.',
      items: { type: 'string' },
    },
    ack: { type: 'string', enum: ['local', 'replicated'] },
    store: {
      type: 'string',
      enum: ['open', 'disk-full', 'failing'],
      description: 'Anything but `open`: nothing is acknowledged until it is.',
    },
  }),
  Cluster: object({
    nodes: {
      type: 'array',
      items: object({
        id: { type: 'string' },
        region: { type: 'string' },
        startedAt: { type: 'string', format: 'date-time' },
        documentsOpen: { type: 'integer', minimum: 0 },
        connections: { type: 'integer', minimum: 0 },
        draining: { type: 'boolean' },
        store: object({
          status: { type: 'string', enum: ['open', 'degraded', 'closed'] },
          error: { type: ['string', 'null'] },
          queueBytes: { type: 'integer', minimum: 0 },
          queueRecords: { type: 'integer', minimum: 0 },
        }),
      }),
    },
    peers: {
      type: 'array',
      description: 'The other nodes, as this one hears them. Empty on a node without REDIS_URL.',
      items: object({
        id: { type: 'string' },
        region: { type: 'string' },
        status: { type: 'string', enum: ['alive', 'left', 'lost'] },
        heardAt: { type: 'string', format: 'date-time' },
        documentsDiffering: {
          type: 'integer',
          minimum: 0,
          description: 'Documents of which it says something else than what is here.',
        },
        clockAheadSeconds: {
          type: ['number', 'null'],
          description:
            'By how much its clock is ahead of this node’s; null while it has not said. Beyond 30 s either way it is logged: tokens end by the clock of the node that looks at them.',
        },
      }),
    },
    links: {
      type: 'array',
      description: 'One for the Redis of each region.',
      items: object({
        region: { type: 'string' },
        status: { type: 'string', enum: ['up', 'one-way', 'down'] },
        reason: { type: 'string' },
        since: { type: 'string', format: 'date-time' },
      }),
    },
    divergence: object({
      documents: { type: 'integer', minimum: 0 },
      ageSeconds: { type: 'number', minimum: 0, description: 'Of the one that differs longest.' },
    }),
  }),
  ErrorEntry: object({
    code: { type: 'string' },
    status: { type: 'integer' },
    close: { type: 'integer', description: 'Close code of the same failure on a WebSocket.' },
    retry: { type: 'string', enum: ['never', 'backoff', 'reauthenticate'] },
    meaning: { type: 'string' },
  }),
  Health: object({ status: { type: 'string', const: 'ok' } }),
  Readiness: object(
    {
      status: { type: 'string', enum: ['ready', 'unready'] },
      store: { type: 'string', enum: ['open', 'degraded', 'closed'] },
      draining: { type: 'boolean' },
      error: { type: 'string' },
    },
    ['error'],
  ),
};
