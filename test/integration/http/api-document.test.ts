/** The published description: valid OpenAPI 3.1, equal to the routes that there are, and enough to make a client from. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { Router } from 'express';
import { OpenAPIClientAxios, type Document } from 'openapi-client-axios';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { ERRORS } from '../../../server/protocol/errors.ts';
import { apiRoutes } from '../../../server/http/app.ts';
import { openApi } from '../../../server/http/api/document.ts';
import type { HttpContext } from '../../../server/http/context.ts';
import { startNode } from '../../support/in-process-node.ts';
import { Rest, textUpdate } from '../../support/rest.ts';

interface Layer {
  readonly route?: {
    readonly path: string;
    readonly stack: readonly { readonly method?: string }[];
  };
}

/** `GET /v1/documents/{doc}` of every route that a router answers. */
function routesOf(router: Router): readonly string[] {
  return (router.stack as unknown as readonly Layer[]).flatMap(({ route }) =>
    route === undefined
      ? []
      : [...new Set(route.stack.map(({ method = '' }) => method.toUpperCase()))].map(
          (method) => `${method} ${route.path.replaceAll(/:(\w+)/g, '{$1}')}`,
        ),
  );
}

/** Routes are only looked at; nothing of the node is touched. */
const NOTHING = new Proxy({}, { get: () => ({}) }) as HttpContext;
const LIMITS = { stateCacheBytesMax: 1024, frameBytesMax: 1024, presenceBytesMax: 1024 };

describe('the API description', () => {
  it('is what the node serves, and valid OpenAPI 3.1', async () => {
    const rest = new Rest((await startNode()).url);
    const served = await rest.get('/v1/openapi.json');
    expect(served.json).toEqual(openApi);
    const validator = new Validator();
    const { valid, errors } = await validator.validate(served.json);
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
    expect(validator.version).toBe('3.1');
  });

  it('has every route, and no other', () => {
    const context = new Proxy(NOTHING, {
      get: (_target, key) => (key === 'limits' ? LIMITS : {}),
    });
    const routes = apiRoutes(context, { hasOperationsPort: false }).flatMap(routesOf);
    const described = Object.entries(openApi.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes.length).toBeGreaterThan(20);
    expect(routes.toSorted()).toEqual(described.toSorted());
  });

  it('has an operation id of its own, a summary and its problems for every operation', () => {
    const operations = Object.values(openApi.paths).flatMap((item) => Object.values(item));
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = new Set(openApi.tags.map(({ name }) => name));
    for (const { operationId, summary, responses, tags: own } of operations) {
      expect(summary, operationId).toMatch(/\.$/);
      expect(
        own.every((tag) => tags.has(tag)),
        operationId,
      ).toBe(true);
      expect(
        Object.keys(responses).some((status) => status >= '400'),
        operationId,
      ).toBe(true);
    }
  });

  it('explains every problem at its type', async () => {
    const rest = new Rest((await startNode()).url);
    for (const [code, { http, meaning }] of Object.entries(ERRORS)) {
      expect((await rest.get(`/problems/${code}`)).json).toMatchObject({ status: http, meaning });
      const page = await rest.get(`/problems/${code}`, { Accept: 'text/html' });
      expect(page.headers.get('content-type')).toContain('text/html');
      expect(page.text).toContain(code);
    }
    expect((await rest.get('/problems/constructor')).code).toBe('not-found');
  });

  it('is enough for a generated client to create, write, read and delete', async () => {
    const { url } = await startNode();
    const api = new OpenAPIClientAxios({
      definition: (await (await fetch(`${url}/v1/openapi.json`)).json()) as Document,
      axiosConfigDefaults: { baseURL: url, proxy: false, validateStatus: () => true },
    });
    const client = await api.init();
    const octets = { headers: { 'Content-Type': 'application/octet-stream' } };
    const call = async (
      operation: string,
      parameters: Record<string, string>,
      body?: unknown,
      config: object = {},
    ): Promise<{ status: number; data: unknown }> => {
      const method = client[operation];
      if (method === undefined) throw new Error(`no operation ${operation}`);
      return (await method(parameters, body, config)) as { status: number; data: unknown };
    };
    const doc = { doc: 'made/by a client' };
    const created = await call('putDocument', doc, Buffer.from(textUpdate('one ', 1)), octets);
    expect(created.status).toBe(201);
    const written = await call('postUpdate', doc, Buffer.from(textUpdate('two ', 2)), octets);
    expect(written.data).toMatchObject({ document: 'made/by a client', redundant: false });
    const read = await call('getState', doc, null, { responseType: 'arraybuffer' });
    const replica = new Y.Doc();
    Y.applyUpdate(replica, new Uint8Array(read.data as ArrayBuffer));
    expect(replica.getText('text').toString()).toHaveLength(8);
    expect((await call('listDocuments', {})).data).toMatchObject({
      documents: [{ name: 'made/by a client' }],
    });
    expect((await call('deleteDocument', doc)).status).toBe(204);
    expect((await call('getDocument', doc)).data).toMatchObject({ code: 'document-deleted' });
  });
});
