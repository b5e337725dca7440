/** The tables of docs/API.md, made from the OpenAPI document. */
import { openApi } from '../../server/http/api/document.ts';
import type { Operation, Parameter, Reference, Schema } from '../../server/http/api/describe.ts';

export type Rows = readonly (readonly string[])[];

interface Route {
  readonly name: string;
  readonly path: string;
  readonly operation: Operation;
}

const ROUTES: readonly Route[] = Object.entries(openApi.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({
    name: `\`${method.toUpperCase()} ${path}\``,
    path,
    operation,
  })),
);

const code = (text: string): string => `\`${text}\``;

/** What every route answers with is said once, in prose. */
const EVERYWHERE: ReadonlySet<string> = new Set([
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
  'invalid-request',
]);

function resolved(parameter: Parameter | Reference): Parameter {
  if (!('$ref' in parameter)) return parameter;
  const found = openApi.components.parameters[parameter.$ref.replace(/.*\//, '')];
  if (found === undefined) throw new Error(`${parameter.$ref} is not there`);
  return found;
}

function mediaOf(content: Readonly<Record<string, unknown>> | undefined): string {
  return Object.keys(content ?? {})
    .map(code)
    .join(' or ');
}

export function routeRows(tag: string): Rows {
  return ROUTES.filter(({ operation }) => operation.tags.includes(tag)).map(
    ({ name, operation }) => {
      const { summary, requestBody, responses } = operation;
      const answers = Object.entries(responses)
        .filter(([status]) => status < '400')
        .map(([status, { content }]) => [status, mediaOf(content)].filter(Boolean).join(' '));
      const problems = Object.entries(responses)
        .filter(([status]) => status >= '400')
        .flatMap(([, { description }]) => [...description.matchAll(/`([a-z-]+)`/g)])
        .map(([, slug = '']) => slug)
        .filter((slug) => !EVERYWHERE.has(slug));
      const takes = requestBody === undefined ? '' : ` Takes ${mediaOf(requestBody.content)}.`;
      return [name, summary + takes, answers.join('; '), problems.map(code).join(' ')];
    },
  );
}

/** Each parameter once, with the routes that have it. */
export function parameterRows(): Rows {
  const rows = new Map<string, { parameter: Parameter; routes: string[] }>();
  for (const { path, operation } of ROUTES) {
    for (const parameter of (operation.parameters ?? []).map(resolved)) {
      const key = `${parameter.in} ${parameter.name} ${parameter.description}`;
      const row = rows.get(key) ?? { parameter, routes: [] };
      const route = path.replace('/v1/documents/{doc}', '…');
      if (!row.routes.includes(route)) row.routes.push(route);
      rows.set(key, row);
    }
  }
  return [...rows.values()].map(({ parameter, routes }) => [
    code(parameter.name),
    parameter.in,
    routes.length > 4 ? `${routes.length} routes` : routes.map(code).join(' '),
    parameter.description + boundsOf(parameter.schema),
  ]);
}

function boundsOf(schema: Schema): string {
  const bounds = [
    ...(schema.enum === undefined
      ? []
      : [schema.enum.map((value) => code(String(value))).join(', ')]),
    ...(schema.minimum === undefined ? [] : [`from ${schema.minimum} to ${schema.maximum ?? '∞'}`]),
    ...(schema.maxLength === undefined ? [] : [`at most ${schema.maxLength} characters`]),
    ...(schema.default === undefined ? [] : [`default ${code(String(schema.default))}`]),
  ];
  return bounds.length === 0 ? '' : ` (${bounds.join('; ')})`;
}

export function headerRows(): Rows {
  return Object.entries(openApi.components.headers).map(([name, { description }]) => [
    code(name),
    description,
  ]);
}

/** JSON of requests and answers, a member a row. */
export function schemaRows(): Rows {
  return Object.entries(openApi.components.schemas).flatMap(([name, schema]) =>
    membersOf(schema, '').map(([member, type, meaning]) => [code(name), member, type, meaning]),
  );
}

function membersOf(schema: Schema, prefix: string): (readonly [string, string, string])[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const isOptional = schema.required?.includes(name) !== true;
    const items =
      member.items?.properties === undefined ? [] : membersOf(member.items, `${prefix}${name}[].`);
    const own = [
      code(prefix + name) + (isOptional ? ' (optional)' : ''),
      typeOf(member),
      (member.description ?? '') + (name === 'code' ? '' : boundsOf(member)),
    ] as const;
    return [
      own,
      ...items,
      ...(member.items === undefined ? membersOf(member, `${prefix}${name}.`) : []),
    ];
  });
}

function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return schema.$ref.replace(/.*\//, '');
  if (schema.items !== undefined) return `array of ${typeOf(schema.items)}`;
  const { type = 'any' } = schema;
  const text = typeof type === 'string' ? type : type.join(' or ');
  return schema.format === undefined ? text : `${text} (${schema.format})`;
}
