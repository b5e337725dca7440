/** Rooms whose writers sit at two nodes: what an edit costs both of them, and when it is seen at the other one. */
import { setTimeout as delay } from 'node:timers/promises';
import { BenchClient } from '../bench-client.ts';
import { HttpClient, metricOf } from '../http-client.ts';
import { Probe, SendLog } from '../probe.ts';
import type { RunningServer } from '../servers.ts';
import { prepareSessions } from '../sessions.ts';
import { percentiles } from '../statistics.ts';
import { play, type Writer } from '../typing.ts';
import type { NodesRun, Outcome, Workload } from '../workload.ts';

const ROOMS = 50;
const PER_SECOND = 10;
/** As long as V8 compiles what has become hot, at any of the servers. */
const WARM_UP_SECONDS = 15;
const SECONDS = 12;
const DELIVERY_TIMEOUT_MS = 30_000;

interface Stand {
  readonly writers: Writer[];
  readonly probes: { readonly probe: Probe; readonly document: string }[];
  readonly faults: string[];
  readonly text: string;
}

/** In each room a writer and a probe at each node; a probe times what the other node's writer sends. */
async function setUp(nodes: readonly RunningServer[], editsEach: number): Promise<Stand> {
  const { writers: sessions, text } = prepareSessions(nodes.length, editsEach);
  const stand: Stand = { writers: [], probes: [], faults: [], text };
  const onLost = (reason: string): void => {
    stand.faults.push(`a connection was lost: ${reason}`);
  };
  for (let room = 0; room < ROOMS; room++) {
    const document = `bench-nodes-${room}`;
    const logs = sessions.map(() => new SendLog());
    for (const [index, { target }] of nodes.entries()) {
      const session = sessions[index];
      const log = logs[index];
      if (session === undefined || log === undefined) throw new Error('a session for each node');
      const client = await BenchClient.open({ target, document, onLost });
      stand.writers.push({ client, session, log });
      const others = new Map(
        sessions.flatMap(({ clientId }, other) =>
          other === index ? [] : [[clientId, logs[other] ?? new SendLog()] as const],
        ),
      );
      stand.probes.push({ probe: await Probe.open(target, document, others, onLost), document });
    }
  }
  return stand;
}

async function untilDelivered({ probes, faults }: Stand): Promise<void> {
  const deadline = performance.now() + DELIVERY_TIMEOUT_MS;
  while (!probes.every(({ probe }) => probe.hasAll())) {
    if (performance.now() > deadline) {
      const missing = probes.filter(({ probe }) => !probe.hasAll()).length;
      faults.push(`${missing} of ${probes.length} probes did not get everything`);
      return;
    }
    await delay(20);
  }
  // What only deletes is not counted, and must arrive too.
  await delay(500);
}

/** Whether messages were lost on the way: then edits arrive with an answer of the other node, a second late. */
async function healed(nodes: readonly RunningServer[]): Promise<string> {
  const sums = { missed: 0, healing: 0, all: 0 };
  for (const { target } of nodes) {
    const http = new HttpClient(target, 1);
    const rounds = async (trigger = ''): Promise<number> =>
      await metricOf(http, 'antientropy_rounds_total', trigger);
    sums.missed += await metricOf(http, 'bus_gap_total');
    sums.all += await rounds();
    // The others are asked when rooms open, and by the sweep, which looks at what is edited while it looks.
    for (const trigger of ['gap', 'verdict', 'dropped', 'heartbeat']) {
      sums.healing += await rounds(`trigger="${trigger}"`);
    }
    http.close();
  }
  return `${sums.missed} messages missed, ${sums.healing} of ${sums.all} questions to heal something`;
}

async function twoNodes({ stage, isQuick, say }: NodesRun): Promise<Outcome> {
  const seconds = isQuick ? 2 : SECONDS;
  const warmUp = WARM_UP_SECONDS * PER_SECOND;
  const last = warmUp + seconds * PER_SECOND;
  say('connecting');
  const nodes = [await stage.node({ NODE_ID: 'one' }), await stage.node({ NODE_ID: 'two' })];
  const stand = await setUp(nodes, last);
  say('warm-up');
  await play(stand.writers, PER_SECOND, 0, warmUp);
  await untilDelivered(stand);
  for (const { probe } of stand.probes) probe.startMeasuring();

  say('typing');
  const before = { nodesMs: stage.cpuMs, redisMs: stage.redisCpuMs, atMs: performance.now() };
  await play(stand.writers, PER_SECOND, warmUp, last);
  await untilDelivered(stand);
  const nodesMs = stage.cpuMs - before.nodesMs;
  const redisMs = stage.redisCpuMs - before.redisMs;
  const elapsedMs = performance.now() - before.atMs;

  say('checking');
  for (const { probe, document } of stand.probes) {
    if (probe.text() !== stand.text) stand.faults.push(`${document}: a probe’s text is wrong`);
    probe.client?.close();
  }
  for (const { client } of stand.writers) client.close();
  const edits = stand.writers.length * (last - warmUp);
  const { p50, p99 } = percentiles(stand.probes.flatMap(({ probe }) => probe.latenciesMs));
  return {
    values: { p50, p99, cpu: (nodesMs * 1000) / edits, redis: (redisMs * 1000) / edits },
    faults: stand.faults,
    remarks: [
      `both nodes ${Math.round((nodesMs / elapsedMs) * 100)} % of a core, Redis ${Math.round((redisMs / elapsedMs) * 100)} %`,
      ...(stage.kind.id === 'syncline'
        ? [`both nodes store and sync every edit; ${await healed(nodes)}`]
        : ['stores nothing']),
    ],
  };
}

const aims = [{ ratioMax: 0.5 }];

export const twoNodesTyping: Workload = {
  name: 'two-nodes',
  summary:
    `Two nodes over one Redis, ${ROOMS} rooms, in each room a writer and a reader at each node, ` +
    `${ROOMS * 2 * PER_SECOND} edits/s together, ${SECONDS} s after ${WARM_UP_SECONDS} s of warm-up. Propagation: from ` +
    `sending an insertion to one node to its arrival at a reader of the other. CPU: of both nodes together, over edits; ` +
    `Redis’ own apart. Syncline’s nodes each put every edit on disk, synced; Hocuspocus runs with its Redis extension and no ` +
    `storage. The texts at both nodes are checked. The bare relay is no peer: it passes frames on and does nothing else, the ` +
    `least that WebSockets and Redis cost in Node.`,
  metrics: [
    { key: 'p50', label: 'node to node p50', unit: 'ms', digits: 1, aims },
    { key: 'p99', label: 'node to node p99', unit: 'ms', digits: 1, aims },
    { key: 'cpu', label: 'CPU per edit, both nodes', unit: 'µs', digits: 0, aims },
    { key: 'redis', label: 'CPU per edit, Redis', unit: 'µs', digits: 0, aims: [] },
  ],
  servers: ['syncline', 'hocuspocus-redis', 'relay-redis'],
  runNodes: twoNodes,
};
