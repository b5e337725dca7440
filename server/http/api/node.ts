/** Routes of the node: who is there, is it well, and this description. */
import {
  json,
  OF_A_DOCUMENT,
  parameter,
  problems,
  problemsOf,
  ref,
  type Paths,
} from './describe.ts';

const OPEN = { security: [] } as const;

export const nodePaths: Paths = {
  '/v1/documents/{doc}/connections': {
    get: {
      operationId: 'listConnections',
      tags: ['operations'],
      summary: 'Who has a document open on this node. Needs admin access to it.',
      parameters: [parameter('doc')],
      responses: {
        200: { description: 'At most 1,000 connections.', content: json(ref('Connections')) },
        ...problems(OF_A_DOCUMENT, 'not-found'),
      },
    },
  },
  '/v1/documents/{doc}/durability': {
    get: {
      operationId: 'getDurability',
      tags: ['documents'],
      summary: 'What an ack means here, and whether this node can give one. Needs read access.',
      description:
        'For clients that say where changes are kept and why they are not. Answers for documents that do not exist yet, too.',
      parameters: [parameter('doc')],
      responses: {
        200: { description: 'Now.', content: json(ref('Durability')) },
        ...problems(OF_A_DOCUMENT),
      },
    },
  },
  '/v1/cluster': {
    get: {
      operationId: 'getCluster',
      tags: ['operations'],
      summary:
        'This node, the others as it hears them, and how far apart they are. Needs admin access.',
      responses: {
        200: { description: 'As this node sees it.', content: json(ref('Cluster')) },
        ...problems('not-found'),
      },
    },
  },
  '/v1/openapi.json': {
    get: {
      operationId: 'getApi',
      tags: ['about'],
      summary: 'This description.',
      ...OPEN,
      responses: {
        200: { description: 'OpenAPI 3.1.', content: json({ type: 'object' }) },
        ...problemsOf(['not-acceptable']),
      },
    },
  },
  '/problems/{code}': {
    get: {
      operationId: 'getProblem',
      tags: ['about'],
      summary: 'What a problem is, and what to do about it.',
      ...OPEN,
      parameters: [
        {
          name: 'code',
          in: 'path',
          required: true,
          description: 'Code of the problem.',
          schema: { type: 'string' },
        },
      ],
      responses: {
        200: {
          description: 'For people, or as a row of the error table.',
          content: { 'text/html': {}, ...json(ref('ErrorEntry')) },
        },
        ...problemsOf(['not-found', 'not-acceptable']),
      },
    },
  },
  '/docs': {
    get: {
      operationId: 'getDocs',
      tags: ['about'],
      summary: 'A page to try this API.',
      ...OPEN,
      responses: {
        200: { description: 'A page.', content: { 'text/html': {} } },
        ...problemsOf(['not-acceptable']),
      },
    },
  },
  '/healthz': {
    get: {
      operationId: 'getHealth',
      tags: ['operations'],
      summary: 'The process answers. On OPERATIONS_PORT when that is set, and 404 here.',
      ...OPEN,
      responses: {
        200: { description: 'Alive.', content: json(ref('Health')) },
        ...problemsOf(['not-found', 'not-acceptable']),
      },
    },
  },
  '/readyz': {
    get: {
      operationId: 'getReadiness',
      tags: ['operations'],
      summary:
        'The node takes writes and connections. On OPERATIONS_PORT when that is set, and 404 here.',
      ...OPEN,
      responses: {
        200: { description: 'Ready.', content: json(ref('Readiness')) },
        503: { description: 'Degraded or draining.', content: json(ref('Readiness')) },
        ...problemsOf(['not-found', 'not-acceptable']),
      },
    },
  },
  '/metrics': {
    get: {
      operationId: 'getMetrics',
      tags: ['operations'],
      summary: 'Metrics for Prometheus. On OPERATIONS_PORT when that is set, and 404 here.',
      ...OPEN,
      responses: {
        200: { description: 'Text format.', content: { 'text/plain': {} } },
        ...problemsOf(['not-found', 'not-acceptable']),
      },
    },
  },
};
