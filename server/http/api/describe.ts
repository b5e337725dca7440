/**
 * Words to write the OpenAPI document with (3.1, whose schemas are JSON Schema 2020-12). Everything in it is plain
 * data: it is served, validated against, and rendered into docs/API.md.
 */
import { ERRORS, type ErrorCode } from '../../protocol/errors.ts';

/** JSON Schema, in the few words that are used here. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly minProperties?: number;
  readonly items?: Schema;
  readonly enum?: readonly (string | number)[];
  readonly const?: string;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly default?: string | number | boolean;
  readonly examples?: readonly unknown[];
  readonly contentMediaType?: string;
  readonly contentEncoding?: string;
}

export interface Media {
  readonly schema?: Schema;
  readonly example?: unknown;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly description: string;
  readonly schema: Schema;
}

export interface Reference {
  readonly $ref: string;
}

export interface Header {
  readonly description: string;
  readonly schema: Schema;
}

export interface Answer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, Header | Reference>>;
  readonly content?: Readonly<Record<string, Media>>;
}

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly (Parameter | Reference)[];
  readonly requestBody?: {
    readonly description?: string;
    readonly required?: boolean;
    readonly content: Readonly<Record<string, Media>>;
  };
  readonly responses: Readonly<Record<string, Answer>>;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
}

export type Method = 'get' | 'put' | 'post' | 'delete';
export type PathItem = Readonly<Partial<Record<Method, Operation>>>;
export type Paths = Readonly<Record<string, PathItem>>;

export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

export function parameter(name: string): Reference {
  return { $ref: `#/components/parameters/${name}` };
}

export function headers(...names: readonly string[]): Readonly<Record<string, Reference>> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

export function object(
  properties: Readonly<Record<string, Schema>>,
  optional: readonly string[] = [],
): Schema {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
    additionalProperties: false,
  };
}

export function json(schema: Schema): Readonly<Record<string, Media>> {
  return { 'application/json': { schema } };
}

/** An update, or anything else that is bytes. */
export const bytes: Readonly<Record<string, Media>> = { 'application/octet-stream': {} };

/** Codes that every route of a document or of the node may answer with. */
const ALWAYS: readonly ErrorCode[] = [
  'invalid-request',
  'missing-token',
  'invalid-token',
  'token-expired',
  'token-revoked',
  'origin-refused',
  'not-acceptable',
  'uri-too-long',
  'rate-limited',
  'internal',
  'draining',
  'overloaded',
  'store-unavailable',
  'access-unavailable',
];

/** Of a route with a document in its path. */
export const OF_A_DOCUMENT: readonly ErrorCode[] = [
  'invalid-document-name',
  'document-not-found',
  'document-deleted',
  'document-damaged',
  'document-reset',
  // A node that has just started does not know what is not there.
  'replica-behind',
];

/** Of a route that takes a body. */
export const OF_A_BODY: readonly ErrorCode[] = [
  'body-too-large',
  'unsupported-media-type',
  'request-timeout',
];

/** Of a route that takes an update. */
export const OF_AN_UPDATE: readonly ErrorCode[] = [
  'invalid-update',
  'update-refused',
  'update-gap',
  'document-too-large',
  'read-only',
];

const EXTRA_HEADERS: Readonly<Record<number, readonly string[]>> = {
  401: ['WWW-Authenticate'],
  415: ['Accept'],
  429: ['Retry-After', 'RateLimit', 'RateLimit-Policy'],
  503: ['Retry-After'],
};

/** Answers with a problem, one a status: the codes that are possible under it. */
export function problems(
  ...groups: readonly (ErrorCode | readonly ErrorCode[])[]
): Readonly<Record<string, Answer>> {
  return problemsOf([...ALWAYS, ...groups.flat()]);
}

/** As `problems`, for routes that anybody may ask. */
export function problemsOf(codes: readonly ErrorCode[]): Readonly<Record<string, Answer>> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set(codes)) {
    const { http } = ERRORS[code];
    byStatus.set(http, [...(byStatus.get(http) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus]
      .toSorted(([a], [b]) => a - b)
      .map(([status, list]): [string, Answer] => [
        String(status),
        {
          description: list.map((code) => `\`${code}\``).join(', '),
          headers: headers(...(EXTRA_HEADERS[status] ?? [])),
          content: {
            'application/problem+json': {
              schema: { anyOf: list.map((code) => problemSchema(code)) },
            },
          },
        },
      ]),
  );
}

function problemSchema(code: ErrorCode): Schema {
  return {
    $ref: '#/components/schemas/Problem',
    properties: { code: { const: code } },
  };
}
