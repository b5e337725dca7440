/** One edit on its way through two regions, as a collector sees it. */
import { expect, it, type TestContext } from 'vitest';
import { BusStage } from '../../support/bus-stage.ts';
import { NodeProcess } from '../../support/node-process.ts';
import { OtlpReceiver, type ReceivedSpan } from '../../support/otlp-receiver.ts';
import { Rest, pathOf, textUpdate } from '../../support/rest.ts';
import { SyncClient } from '../../support/sync-client.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { waitUntil } from '../../support/wait-until.ts';

const NAME = 'plan';
const PATIENCE_MS = 30_000;

async function regions(
  context: TestContext,
  collector: OtlpReceiver,
): Promise<{ readonly eu: NodeProcess; readonly us: NodeProcess }> {
  const redis = await new BusStage(context).redis();
  const start = async (nodeId: string): Promise<NodeProcess> =>
    await NodeProcess.start({
      dataDir: tempDir(),
      env: {
        NODE_ID: nodeId,
        REGION: nodeId,
        REDIS_URL: `redis://127.0.0.1:${redis.port}`,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_TRACES_SAMPLER: 'parentbased_always_on',
        OTEL_BSP_SCHEDULE_DELAY: '20',
      },
    });
  const [eu, us] = await Promise.all([start('eu'), start('us')]);
  return { eu, us };
}

/** What the writer of the test types, and nothing else. */
const isEdit = ({ name, attributes }: ReceivedSpan): boolean =>
  name === 'edit' &&
  attributes['syncline.via'] === 'socket' &&
  attributes['syncline.verdict'] === 'accepted';

/** `name@node`, with what is below it: the shape of a trace. */
function shapeOf(spans: readonly ReceivedSpan[], parent: ReceivedSpan): Record<string, unknown> {
  const below = spans.filter(({ parentSpanId }) => parentSpanId === parent.spanId);
  return Object.fromEntries(
    below.map((span) => [`${span.name}@${span.node}`, shapeOf(spans, span)]),
  );
}

it('one edit is one trace: from the socket over the commit and the bus to the other region’s disk and sockets, and back as an ack', async (context) => {
  const collector = await OtlpReceiver.start();
  const { eu, us } = await regions(context, collector);
  expect((await new Rest(eu.url).put(pathOf(NAME), textUpdate('hello', 1))).status).toBe(201);
  const reader = new SyncClient(us.webSocketUrl, NAME);
  const writer = new SyncClient(eu.webSocketUrl, NAME, { query: 'durability=replicated' });
  await Promise.all([reader.whenSynced(), writer.whenSynced()]);
  await waitUntil('both have the text', () => reader.text === 'hello' && writer.text === 'hello');
  expect(collector.spans.filter(isEdit)).toEqual([]);

  writer.doc.getText('text').insert(5, ' world');
  await writer.whenAcked(writer.requestAck());
  await reader.until('the edit', () => reader.text === 'hello world');

  const followed = (): readonly ReceivedSpan[] => {
    const edit = collector.spans.find(isEdit);
    return collector.spans.filter(({ traceId }) => traceId === edit?.traceId);
  };
  await waitUntil('the trace is complete', () => followed().length >= 12, PATIENCE_MS);
  const spans = followed();
  const edit = spans.find(isEdit) as ReceivedSpan;
  expect(shapeOf(spans, edit)).toEqual({
    'check@eu': {},
    'commit@eu': {},
    'flush@eu': {
      'publish@eu': {
        'receive@us': {
          'check@us': {},
          'commit@us': {},
          'flush@us': {},
          'receipt@us': { 'proof@eu': {} },
        },
      },
    },
    'ack@eu': {},
  });
  expect(edit.parentSpanId).toBeUndefined();
  expect(spans.every(({ service }) => service === 'syncline')).toBe(true);

  const of = (name: string, node: string): ReceivedSpan =>
    spans.find((span) => span.name === name && span.node === node) as ReceivedSpan;
  expect(edit.attributes).toMatchObject({
    'syncline.document': NAME,
    'syncline.verdict': 'accepted',
    'syncline.durability': 'replicated',
  });
  expect(edit.attributes['syncline.update.bytes']).toBeGreaterThan(5);
  expect(of('check', 'us').attributes['syncline.verdict']).toBe('accepted');
  expect(of('commit', 'eu').attributes['syncline.batch.records']).toBeGreaterThan(0);
  expect(of('flush', 'us').attributes['syncline.flush.receivers']).toBe(1);
  expect(of('publish', 'eu').attributes['syncline.bus.outcome']).toBe('accepted');
  expect(of('receive', 'us').attributes['syncline.origin']).toBe('eu');

  // The ack is the last thing that happens: it waits for the disk of the other region, and the edit ends with it.
  const ack = of('ack', 'eu');
  expect(ack.endNs >= of('commit', 'eu').endNs).toBe(true);
  expect(edit.endNs >= ack.endNs).toBe(true);
  // Spans of their own begin at a whole millisecond.
  expect(ack.endNs + 2_000_000n >= of('proof', 'eu').endNs).toBe(true);
  // Nothing of what people write is in it.
  expect(
    JSON.stringify(spans, (_key, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    ),
  ).not.toMatch(/hello|world/);
});
