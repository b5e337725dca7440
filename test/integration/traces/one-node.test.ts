/** Traces of one node: what is followed, what is linked, and that a collector can do no harm. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { metric, startNode } from '../../support/in-process-node.ts';
import { OtlpReceiver, type ReceivedSpan } from '../../support/otlp-receiver.ts';
import { Rest, pathOf, textUpdate } from '../../support/rest.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { waitUntil } from '../../support/wait-until.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

const follows = (otlpEndpoint: string, tracesSampler: 'always_on' | 'parentbased_always_off') => ({
  otlpEndpoint,
  tracesSampler,
  traceDelayMs: 20,
});

describe('requests', () => {
  it('a request with a traceparent is part of that trace, and so is what it writes', async () => {
    const collector = await OtlpReceiver.start();
    // Nothing begins here: only what a caller follows is followed.
    const { url } = await startNode(follows(collector.url, 'parentbased_always_off'));
    const rest = new Rest(url);
    const write = async (name: string, flags: string): Promise<void> => {
      const headers = { traceparent: `00-${TRACE}-${PARENT}-${flags}` };
      const { status } = await rest.post(`${pathOf(name)}/updates`, textUpdate('a', 1), headers);
      expect(status).toBe(200);
    };
    await write('quiet', '00');
    await write('loud', '01');
    await waitUntil('all spans are here', () => collector.spans.length >= 6);
    const named = (name: string): ReceivedSpan =>
      collector.spans.find((span) => span.name === name) as ReceivedSpan;
    const request = named('POST /v1/documents/{doc}/updates');
    expect(request).toMatchObject({ traceId: TRACE, parentSpanId: PARENT, kind: 2 });
    expect(request.attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/v1/documents/{doc}/updates',
      'http.response.status_code': 200,
    });
    const edit = named('edit');
    expect(edit.parentSpanId).toBe(request.spanId);
    for (const name of ['check', 'commit', 'flush', 'ack']) {
      expect(named(name).parentSpanId).toBe(edit.spanId);
    }
    expect(collector.spans.every(({ traceId }) => traceId === TRACE)).toBe(true);
    expect(
      collector.spans.some(({ attributes }) => attributes['syncline.document'] === 'quiet'),
    ).toBe(false);
  });

  it('what is no traceparent begins a trace of its own', async () => {
    const collector = await OtlpReceiver.start();
    const { url } = await startNode(follows(collector.url, 'always_on'));
    for (const traceparent of ['nonsense', `00-${'0'.repeat(32)}-${PARENT}-01`, '']) {
      await new Rest(url).get('/v1/openapi.json', { traceparent });
    }
    await waitUntil('all spans are here', () => collector.spans.length >= 3);
    expect(collector.spans.map(({ parentSpanId }) => parentSpanId)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

it('edits that share a commit have a trace each, and links between their commits', async () => {
  const collector = await OtlpReceiver.start();
  const { node } = await startNode(follows(collector.url, 'always_on'));
  const write = async (name: string, client: number): Promise<void> => {
    const update = textUpdate('a', client);
    await node.documents.write(name as DocumentName, update, { isCreating: true });
  };
  await Promise.all([write('a', 1), write('b', 1)]);
  // Both rooms are open now: what is written in one turn is in one batch.
  await Promise.all([write('a', 2), write('b', 2)]);
  const commits = (): readonly ReceivedSpan[] =>
    collector.spans.filter(
      ({ name, attributes }) => name === 'commit' && attributes['syncline.batch.records'] === 2,
    );
  await waitUntil('both commits are here', () => commits().some(({ links }) => links.length > 0));
  const [one, other] = commits().filter(({ links }) => links.length > 0);
  expect(one?.traceId).not.toBe(other?.traceId);
  expect(one?.links.map(({ spanId }) => spanId)).toEqual([other?.spanId]);
  expect(other?.links.map(({ spanId }) => spanId)).toEqual([one?.spanId]);
});

describe('[I6] a collector does no harm', () => {
  it.each([
    { what: 'refuses connections', isStuck: null },
    { what: 'takes everything and answers nothing', isStuck: true },
  ])(
    'that $what: edits are acked, little is kept, and the node ends in time',
    async ({ isStuck }) => {
      const collector = isStuck === null ? null : await OtlpReceiver.start(isStuck);
      const { node, url } = await startNode({
        ...follows(collector?.url ?? 'http://127.0.0.1:9', 'always_on'),
        traceQueueMax: 16,
        traceExportTimeoutMs: 200,
        drainTimeoutMs: 5_000,
      });
      const rest = new Rest(url);
      for (let client = 1; client <= 50; client += 1) {
        expect(
          (await rest.post(`${pathOf('notes')}/updates`, textUpdate('a', client))).status,
        ).toBe(200);
      }
      await waitUntil(
        'a delivery has failed',
        async () => (await metric(node, 'trace_spans_total{result="failed"}')) > 0,
      );
      // Fifty edits made 300 spans; what was not lost at once waits in a queue of 16. The deadline is 5 s; twice that for
      // machines that do other things meanwhile.
      const startedMs = performance.now();
      await node.drain();
      expect(performance.now() - startedMs).toBeLessThan(10_000);
    },
  );
});

it('without an endpoint nothing of OpenTelemetry is loaded, but its API by another library', async () => {
  const server = fileURLToPath(new URL('../../../server/index.js', import.meta.url));
  const script = `
    const { createNode } = await import(${JSON.stringify(server)});
    const { default: Module } = await import('node:module');
    const loaded = async (config) => {
      const node = createNode({ port: 0, logLevel: 'silent', ...config });
      await node.listen();
      await node.close();
      return Object.keys(Module._cache).some((path) => /@opentelemetry\\/(?!api\\/)/.test(path));
    };
    console.log(await loaded({ dataDir: process.argv[1] }));
    console.log(await loaded({ dataDir: process.argv[2], otlpEndpoint: 'http://127.0.0.1:9' }));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    script,
    tempDir(),
    tempDir(),
  ]);
  expect(stdout.trim().split('\n')).toEqual(['false', 'true']);
});
