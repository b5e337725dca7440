/** Webhook events that were given up. */
import {
  json,
  object,
  parameter,
  problems,
  ref,
  type Parameter,
  type Paths,
  type Schema,
} from './describe.ts';

const at: Schema = { type: 'string', format: 'date-time' };

export const webhookSchemas: Readonly<Record<string, Schema>> = {
  DeadLetter: object(
    {
      id: { type: 'string', description: '`Webhook-Id` of the event.' },
      type: { type: 'string', enum: ['document.created', 'document.changed', 'document.deleted'] },
      document: { type: 'string' },
      at: { ...at, description: 'Of the newest change that the event stands for.' },
      attempts: { type: 'integer', minimum: 1 },
      reason: { type: 'string', description: 'What came of the last attempt.' },
      failedAt: { ...at, description: 'When that was.' },
      damaged: { type: 'boolean', description: 'Its record cannot be read: only `id` is known.' },
    },
    ['type', 'document', 'at', 'attempts', 'reason', 'failedAt', 'damaged'],
  ),
  DeadLetters: object({
    deadLetters: { type: 'array', items: ref('DeadLetter') },
    cursor: { type: ['string', 'null'], description: 'For the next page; null at the end.' },
  }),
};

const id: Parameter = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'Of the dead letter.',
  schema: { type: 'string', maxLength: 64 },
};

export const webhookPaths: Paths = {
  '/v1/webhooks/dead-letters': {
    get: {
      operationId: 'listDeadLetters',
      tags: ['operations'],
      summary: 'Webhook events that were given up, oldest first. Needs admin access to the node.',
      description: 'Only on nodes with a WEBHOOK_URL.',
      parameters: [parameter('limit'), parameter('cursor')],
      responses: {
        200: { description: 'A page.', content: json(ref('DeadLetters')) },
        ...problems('not-found'),
      },
    },
  },
  '/v1/webhooks/dead-letters/{id}/retry': {
    post: {
      operationId: 'retryDeadLetter',
      tags: ['operations'],
      summary: 'Sends an event again, with all its attempts. Needs admin access to the node.',
      parameters: [id],
      responses: {
        202: { description: 'It is no dead letter any more, and durably so.' },
        ...problems('not-found'),
      },
    },
  },
  '/v1/webhooks/dead-letters/{id}': {
    delete: {
      operationId: 'discardDeadLetter',
      tags: ['operations'],
      summary: 'Throws an event away. Needs admin access to the node.',
      parameters: [id],
      responses: {
        204: { description: 'Gone.' },
        ...problems('not-found'),
      },
    },
  },
};
