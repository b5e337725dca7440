/**
 * Holds answers against the OpenAPI document of the node: the status is documented, so are the media type and the
 * body, and what a status must bring is there. Every HTTP test asks through `Rest`, which calls this.
 */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { findOperation, findPath } from '../../server/http/api-table.ts';
import { openApi } from '../../server/http/api/document.ts';
import type { Answer } from '../../server/http/api/describe.ts';

const ajv = new Ajv2020({ strict: false });
formats.default(ajv);
ajv.addSchema({ $id: 'api', ...openApi });
const compiled = new Map<string, ValidateFunction>();

/** Where no operation says anything: unknown paths and methods. */
const ELSEWHERE = new Set([404, 405, 403, 414]);

const MUST_HAVE: Readonly<Record<number, readonly string[]>> = {
  201: ['location', 'etag'],
  304: ['etag'],
  401: ['www-authenticate'],
  405: ['allow'],
  415: ['accept'],
  429: ['retry-after', 'ratelimit', 'ratelimit-policy'],
  503: ['retry-after'],
};

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** @throws Error that says what the document does not say */
export function assertConforms(exchange: Exchange): void {
  const { method, status, headers } = exchange;
  const path = exchange.path.split('?', 1)[0] ?? '';
  const fail = (reason: string): never => {
    const text = Buffer.from(exchange.body.subarray(0, 300)).toString();
    throw new Error(`${method} ${path} → ${status}: ${reason}: ${text}`);
  };
  for (const name of MUST_HAVE[status] ?? []) {
    if (headers.get(name) === null) fail(`no header ${name}`);
  }
  if (headers.get('x-content-type-options') !== 'nosniff') fail('no nosniff');
  if (status === 204 || status === 304 || method === 'HEAD') {
    if (exchange.body.byteLength > 0) fail('a body');
    if (status === 204 && method === 'OPTIONS') return;
  }
  const found = findPath(path);
  const operation = found === null ? null : findOperation(found, method);
  const mediaType = headers.get('content-type')?.split(';', 1)[0] ?? '';
  if (found === null || operation === null || status === 405) {
    if (!ELSEWHERE.has(status)) fail('no such operation');
    if (mediaType !== 'application/problem+json') fail('not a problem');
    check('#/components/schemas/Problem', exchange, fail);
    return;
  }
  const answer: Answer | undefined = operation.operation.responses[String(status)];
  if (answer === undefined) return fail('not documented');
  for (const name of Object.keys(answer.headers ?? {})) {
    if (status >= 400 && headers.get(name) === null) fail(`no header ${name}`);
  }
  if (answer.content === undefined || method === 'HEAD') return;
  const media = answer.content[mediaType];
  if (media === undefined) return fail(`media type ${mediaType} is not documented`);
  if (media.schema === undefined) return;
  const name = (method === 'HEAD' ? 'GET' : method).toLowerCase();
  const pointer = [
    'paths',
    found.template,
    name,
    'responses',
    status,
    'content',
    mediaType,
    'schema',
  ]
    .map((part) => encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/');
  check(`#/${pointer}`, exchange, fail);
}

function check(pointer: string, { body }: Exchange, fail: (reason: string) => never): void {
  let validate = compiled.get(pointer);
  if (validate === undefined) {
    validate = ajv.compile({ $ref: `api${pointer}` });
    compiled.set(pointer, validate);
  }
  if (!validate(JSON.parse(Buffer.from(body).toString()))) fail(ajv.errorsText(validate.errors));
}
