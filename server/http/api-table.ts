/**
 * Which paths there are and which methods they have, read from the OpenAPI document: one truth for 404, 405, 406
 * and the labels of metrics. Paths are matched as they came, encoded, case and trailing slash included.
 */
import { openApi } from './api/document.ts';
import type { Operation, PathItem } from './api/describe.ts';

export interface ApiPath {
  /** As in the document: `/v1/documents/{doc}/state`. */
  readonly template: string;
  /** Of the Allow header. */
  readonly methods: readonly string[];
  readonly item: PathItem;
}

interface Pattern {
  readonly expression: RegExp;
  readonly path: ApiPath;
}

const PATTERNS: readonly Pattern[] = Object.entries(openApi.paths).map(([template, item]) => ({
  expression: new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  path: { template, methods: allowedMethods(item), item },
}));

/** Null: the API has no such path. */
export function findPath(path: string): ApiPath | null {
  return PATTERNS.find(({ expression }) => expression.test(path))?.path ?? null;
}

export function findOperation(path: ApiPath, method: string): Operation | null {
  const name = (method === 'HEAD' ? 'GET' : method).toLowerCase();
  return Object.entries(path.item).find(([key]) => key === name)?.[1] ?? null;
}

/** The media types of a success; none for answers without a body. */
export function mediaTypesOf(operation: Operation): readonly string[] {
  return Object.entries(operation.responses)
    .filter(([status]) => status.startsWith('2'))
    .flatMap(([, answer]) => Object.keys(answer.content ?? {}));
}

function allowedMethods(item: PathItem): readonly string[] {
  const methods = Object.keys(item).map((name) => name.toUpperCase());
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'];
}
