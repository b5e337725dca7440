/** The OpenAPI document, put together from its resources. */
import type { Header, Parameter, Paths, Schema } from './describe.ts';
import { accessPaths } from './access.ts';
import { contentPaths, snapshotPaths } from './content.ts';
import { documentPaths } from './documents.ts';
import { eventPaths } from './events.ts';
import { nodePaths } from './node.ts';
import { headerComponents, parameters } from './parameters.ts';
import { schemas } from './schemas.ts';
import { webhookPaths } from './webhooks.ts';
import { ySweetPaths } from './y-sweet.ts';

export interface OpenApi {
  readonly openapi: string;
  readonly info: Readonly<Record<string, unknown>>;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Paths;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly parameters: Readonly<Record<string, Parameter>>;
    readonly headers: Readonly<Record<string, Header>>;
    readonly securitySchemes: Readonly<Record<string, Readonly<Record<string, string>>>>;
  };
}

export const openApi: OpenApi = {
  openapi: '3.1.0',
  info: {
    title: 'Syncline',
    version: '1',
    summary: 'Documents that several people edit at once, over HTTP.',
    description:
      'First loads, offline sync and a second transport for networks without WebSockets. Every error is `application/problem+json`; what an answer calls durable is on disk.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  security: [{ bearer: [] }, { ticket: [] }, {}],
  tags: [
    { name: 'documents', description: 'State, updates, offline sync.' },
    { name: 'events', description: 'A second transport, where WebSockets are blocked.' },
    { name: 'content', description: 'For readers without Yjs.' },
    { name: 'snapshots', description: 'History.' },
    { name: 'operations', description: 'For operators.' },
    { name: 'y-sweet', description: 'What Y-Sweet’s SDK asks of its server.' },
    { name: 'about', description: 'This API.' },
  ],
  paths: {
    ...documentPaths,
    ...eventPaths,
    ...contentPaths,
    ...snapshotPaths,
    ...nodePaths,
    ...accessPaths,
    ...webhookPaths,
    ...ySweetPaths,
  },
  components: {
    schemas,
    parameters,
    headers: headerComponents,
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      ticket: {
        type: 'apiKey',
        in: 'query',
        name: 'token',
        description: 'Where no header can be set.',
      },
    },
  },
};
