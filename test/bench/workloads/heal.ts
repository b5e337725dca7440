/** A thousand documents edited on both sides of a cut: how long after the heal until each is one document again. */
import { setTimeout as delay } from 'node:timers/promises';
import * as Y from 'yjs';
import { BenchClient } from '../bench-client.ts';
import { bodyAt, updateMessage } from '../dialects.ts';
import { documentPath, HttpClient } from '../http-client.ts';
import type { RunningServer } from '../servers.ts';
import { percentiles } from '../statistics.ts';
import { inParallel } from '../parallel.ts';
import type { NodesRun, Outcome, Workload } from '../workload.ts';

const DOCUMENTS = 1_000;
const PARALLEL = 50;
const CUT_MS = 3_000;
const ARRIVAL_TIMEOUT_MS = 30_000;

/** A document, with somebody who listens at each side and never says anything after the heal. */
interface Pair {
  readonly document: string;
  readonly sides: Side[];
}

interface Side {
  client: BenchClient | null;
  /** Author of the other side's edit. */
  readonly foreignId: number;
  arrivedMs: number;
}

const idOf = (side: number): number => side + 1;

function edit(side: number): Uint8Array {
  const doc = new Y.Doc();
  doc.clientID = idOf(side);
  doc.getText('text').insert(0, `written at side ${side}`);
  return Y.encodeStateAsUpdate(doc);
}

async function openPair(
  nodes: readonly RunningServer[],
  document: string,
  faults: string[],
): Promise<Pair> {
  const sides: Side[] = [];
  for (const [index, { target }] of nodes.entries()) {
    const side: Side = { client: null, foreignId: idOf(1 - index), arrivedMs: Number.NaN };
    side.client = await BenchClient.open({
      target,
      document,
      onLost: (reason) => faults.push(`a connection was lost: ${reason}`),
      onSync: (frame, at) => {
        if (!Number.isNaN(side.arrivedMs)) return;
        const { structs } = Y.decodeUpdate(bodyAt(frame, at));
        if (structs.some(({ id }) => id.client === side.foreignId))
          side.arrivedMs = performance.now();
      },
    });
    sides.push(side);
  }
  return { document, sides };
}

async function until(condition: () => boolean): Promise<boolean> {
  const deadline = performance.now() + ARRIVAL_TIMEOUT_MS;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

async function heal({ stage, isQuick, say }: NodesRun): Promise<Outcome> {
  const documents = isQuick ? 100 : DOCUMENTS;
  const faults: string[] = [];
  const link = await stage.link();
  const nodes = [
    await stage.node({ NODE_ID: 'one' }),
    await stage.node({ NODE_ID: 'two' }, `redis://127.0.0.1:${link.port}`),
  ];
  say('opening documents');
  const pairs: Pair[] = [];
  await inParallel(PARALLEL, documents, async (index) => {
    pairs.push(await openPair(nodes, `bench-heal-${index}`, faults));
  });
  say('cut');
  for (const direction of ['up', 'down'] as const) link.set(direction, 'drop');
  await delay(CUT_MS / 2);
  for (const { sides } of pairs) {
    for (const [index, { client }] of sides.entries()) client?.send(updateMessage(edit(index)));
  }
  await delay(CUT_MS / 2);
  const early = pairs.filter(({ sides }) =>
    sides.some(({ arrivedMs }) => !Number.isNaN(arrivedMs)),
  );
  if (early.length > 0) faults.push(`${early.length} documents were not cut off`);

  say('heal');
  const before = { cpuMs: stage.cpuMs, atMs: performance.now() };
  for (const direction of ['up', 'down'] as const) link.set(direction, 'flow');
  const isWhole = ({ sides }: Pair): boolean =>
    sides.every(({ arrivedMs }) => !Number.isNaN(arrivedMs));
  if (!(await until(() => pairs.every(isWhole)))) {
    faults.push(`${pairs.filter((pair) => !isWhole(pair)).length} documents did not converge`);
  }
  const cpuMs = stage.cpuMs - before.cpuMs;
  const times = pairs
    .filter(isWhole)
    .map(({ sides }) => Math.max(...sides.map(({ arrivedMs }) => arrivedMs)) - before.atMs);

  say('checking');
  faults.push(...(await differences(nodes, pairs)));
  for (const { client } of pairs.flatMap(({ sides }) => sides)) client?.close();
  const { p50, p99 } = percentiles(times);
  return {
    values: { p50: p50 / 1000, p99: p99 / 1000, cpu: cpuMs / documents },
    faults,
    remarks: [
      `${documents} documents, ${(documents / (Math.max(...times) / 1000)).toFixed(0)}/s to the last one`,
    ],
  };
}

/** Equal state vectors and delete sets at both sides, as the nodes themselves say. */
async function differences(
  nodes: readonly RunningServer[],
  pairs: readonly Pair[],
): Promise<string[]> {
  const https = nodes.map(({ target }) => new HttpClient(target, PARALLEL));
  const different: string[] = [];
  await inParallel(PARALLEL, pairs.length, async (index) => {
    const path = documentPath(pairs[index]?.document ?? '', '');
    const tags = await Promise.all(https.map((http) => http.ask(path).then(({ etag }) => etag)));
    if (tags[0] === '' || tags.some((tag) => tag !== tags[0])) different.push(path);
  });
  for (const http of https) http.close();
  return different.length === 0 ? [] : [`${different.length} documents are not equal at the end`];
}

export const healAfterCut: Workload = {
  name: 'heal',
  summary:
    `Two nodes, the link of one to Redis cut for ${CUT_MS / 1000} s (bytes vanish, nobody is told). Meanwhile one edit at each ` +
    `side in each of ${DOCUMENTS.toLocaleString('en')} open documents; then the link works again, and nobody types. From that moment until a document’s ` +
    `readers at both sides have the other side’s edit. All versions are compared at the end. CPU: of both nodes, over documents, ` +
    `from the heal to the last document. Peers are not run: a cut Hocuspocus node stays apart until somebody types.`,
  metrics: [
    { key: 'p50', label: 'equal again p50', unit: 's', digits: 2, aims: [] },
    { key: 'p99', label: 'equal again p99', unit: 's', digits: 2, aims: [{ below: 5 }] },
    { key: 'cpu', label: 'CPU per document', unit: 'ms', digits: 2, aims: [] },
  ],
  servers: ['syncline'],
  runNodes: heal,
};
