/**
 * Which paths there are and which methods they have, read from the OpenAPI document: one truth for 404, 405, 406
 * and the labels of metrics. Paths are matched as they came, encoded, case and trailing slash included.
 */
import { openApi } from './api/document.ts';
import type { Operation, PathItem } from './api/describe.ts';

export interface ApiOperation {
  readonly operation: Operation;
  /** Of a success; none for answers without a body. */
  readonly mediaTypes: readonly string[];
}

export interface ApiPath {
  /** As in the document: `/v1/documents/{doc}/state`. */
  readonly template: string;
  /** Of the Allow header. */
  readonly methods: readonly string[];
  readonly operations: ReadonlyMap<string, ApiOperation>;
}

interface Pattern {
  readonly expression: RegExp;
  readonly path: ApiPath;
}

const PATTERNS: readonly Pattern[] = Object.entries(openApi.paths).map(([template, item]) => ({
  expression: new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  path: { template, methods: allowedMethods(item), operations: operationsOf(item) },
}));

/** Null: the API has no such path. */
export function findPath(path: string): ApiPath | null {
  return PATTERNS.find(({ expression }) => expression.test(path))?.path ?? null;
}

/** HEAD is answered as GET. */
export function findOperation(path: ApiPath, method: string): ApiOperation | null {
  return path.operations.get(method === 'HEAD' ? 'GET' : method) ?? null;
}

function mediaTypesOf(operation: Operation): readonly string[] {
  return Object.entries(operation.responses)
    .filter(([status]) => status.startsWith('2'))
    .flatMap(([, answer]) => Object.keys(answer.content ?? {}));
}

function operationsOf(item: PathItem): ReadonlyMap<string, ApiOperation> {
  return new Map(
    Object.entries(item).map(([name, operation]) => [
      name.toUpperCase(),
      { operation, mediaTypes: mediaTypesOf(operation) },
    ]),
  );
}

function allowedMethods(item: PathItem): readonly string[] {
  const methods = Object.keys(item).map((name) => name.toUpperCase());
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'];
}
