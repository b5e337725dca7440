/** One reader after the other opens the same large document: over REST where there is one, else over the socket. */
import * as Y from 'yjs';
import { BenchClient, type Target } from '../bench-client.ts';
import { entriesDocument } from '../documents.ts';
import { documentPath, HttpClient } from '../http-client.ts';
import { cpuMs, untilQuiet } from '../process-stats.ts';
import type { RunningServer } from '../servers.ts';
import { SlowLine } from '../slow-line.ts';
import { median } from '../statistics.ts';
import type { Outcome, Run, Workload } from '../workload.ts';

const ENTRIES = 450_000;
const LOADS = 20;
const CHECKS = 5_000;
const DOCUMENT = 'bench-large';
const QUIET_TIMEOUT_MS = 60_000;
/** The line behind which cold loads are timed: latency one way, and what it carries. */
const LINE_MS = 20;
const LINE_BITS_PER_SECOND = 50_000_000;

/** Of 95 KB; the first two warm the node up. */
const SMALL_DOCUMENTS = 22;
const SMALL_ENTRIES = 3_000;
const smallName = (at: number): string => `bench-small-${at}`;
const BYTES = { 'Content-Type': 'application/octet-stream' } as const;

type Load = () => Promise<void>;

interface Cost {
  readonly cpuMs: number;
  readonly wallMs: number;
}

async function measure(pid: () => number, times: number, load: Load): Promise<Cost> {
  const cpuBeforeMs = cpuMs(pid());
  const startedAtMs = performance.now();
  for (let done = 0; done < times; done++) await load();
  const wallMs = (performance.now() - startedAtMs) / times;
  return { cpuMs: (cpuMs(pid()) - cpuBeforeMs) / times, wallMs };
}

/** Calls `work` at the other end of a line, right after a restart. */
async function behindLine<T>(
  server: RunningServer,
  work: (target: Target) => Promise<T>,
): Promise<T> {
  await server.restart();
  const line = await SlowLine.start({
    port: Number(new URL(server.target.url).port),
    delayMs: LINE_MS,
    bytesPerSecond: LINE_BITS_PER_SECOND / 8,
  });
  try {
    return await work({ ...server.target, url: `ws://127.0.0.1:${line.port}` });
  } finally {
    await line.close();
  }
}

async function timed(load: Load): Promise<number> {
  const startedAtMs = performance.now();
  await load();
  return performance.now() - startedAtMs;
}

async function joinSocket(target: Target, document: string): Promise<void> {
  const client = await BenchClient.open({ target, document, headBytes: 64 });
  client.close();
}

/** As a browser asks, and unpacks. */
async function getState(target: Target, document: string): Promise<void> {
  const client = new HttpClient(target, 1);
  const { status } = await client.ask(documentPath(document, '/state'), {
    headers: { 'Accept-Encoding': 'gzip, deflate, br' },
    isDiscarding: true,
  });
  client.close();
  if (status !== 200) throw new Error(`GET state answered ${status}`);
}

/** Documents that nobody has open, on a node that has answered both kinds before: medians over REST, over the socket. */
async function closedDocuments(target: Target): Promise<readonly [number, number]> {
  const times: [number[], number[]] = [[], []];
  for (let at = 0; at < SMALL_DOCUMENTS; at++) {
    const load = at % 2 === 0 ? getState : joinSocket;
    const ms = await timed(() => load(target, smallName(at)));
    // The first of each warm the node up.
    if (at >= 2) times[at % 2 === 0 ? 0 : 1].push(ms);
  }
  return [median(times[0]), median(times[1])];
}

async function firstLoad(run: Run): Promise<Outcome> {
  const { server } = run;
  const entries = run.isQuick ? 30_000 : ENTRIES;
  const loads = run.isQuick ? 3 : LOADS;
  const faults: string[] = [];
  const remarks: string[] = [];
  const isSyncline = server.kind.id === 'syncline';

  run.say('loading the document');
  // Stays connected: servers without storage would forget the document.
  const author = await BenchClient.open({
    target: server.target,
    document: DOCUMENT,
    headBytes: 64,
  });
  await author.bring(entriesDocument(entries));
  run.say('waiting until it is idle');
  if (!(await untilQuiet(server.pid, QUIET_TIMEOUT_MS))) remarks.push('was never idle before');

  const values: Record<string, number> = {};
  if (!isSyncline) {
    run.say(`${loads} joins`);
    const { cpuMs: cpu, wallMs: wall } = await measure(
      () => server.pid,
      loads,
      () => joinSocket(server.target, DOCUMENT),
    );
    author.close();
    return { values: { cpu, wall }, faults, remarks };
  }

  const path = documentPath(DOCUMENT, '/state');
  const http = new HttpClient(server.target, 1);
  const get: Load = async () => {
    const { status } = await http.ask(path, { isDiscarding: true });
    if (status !== 200) throw new Error(`GET state answered ${status}`);
  };
  run.say(`${loads} loads`);
  const rest = await measure(() => server.pid, loads, get);
  values['cpu'] = rest.cpuMs;
  values['wall'] = rest.wallMs;
  const socket = await measure(
    () => server.pid,
    loads,
    () => joinSocket(server.target, DOCUMENT),
  );
  remarks.push(
    `over the socket: ${socket.cpuMs.toFixed(1)} ms of CPU, ${socket.wallMs.toFixed(0)} ms a join`,
  );

  run.say('asking whether it changed');
  const { body, etag } = await http.ask(path);
  const doc = new Y.Doc();
  Y.applyUpdate(doc, body);
  const found = doc.getMap('entries').size;
  if (found !== entries) faults.push(`the loaded document has ${found} of ${entries} entries`);
  const checks = run.isQuick ? 200 : CHECKS;
  const check = await measure(
    () => server.pid,
    checks,
    async () => {
      const { status } = await http.ask(path, { headers: { 'If-None-Match': etag } });
      if (status !== 304) throw new Error(`If-None-Match answered ${status}`);
    },
  );
  values['unchanged'] = check.cpuMs;

  run.say('cold starts');
  for (let at = 0; at < SMALL_DOCUMENTS; at++) {
    const put = await http.ask(documentPath(smallName(at), ''), {
      method: 'PUT',
      body: entriesDocument(SMALL_ENTRIES),
      headers: BYTES,
    });
    if (put.status !== 201) faults.push(`a small document was answered ${put.status}`);
  }
  author.close();
  http.close();
  values['coldRest'] = await behindLine(server, (target) =>
    timed(() => getState(target, DOCUMENT)),
  );
  values['coldSocket'] = await behindLine(server, (target) =>
    timed(() => joinSocket(target, DOCUMENT)),
  );
  const [closedRest, closedSocket] = await behindLine(server, closedDocuments);
  values['closedRest'] = closedRest;
  values['closedSocket'] = closedSocket;
  return { values, faults, remarks };
}

export const firstLoadLarge: Workload = {
  name: 'first-load',
  summary:
    `${LOADS} readers, one after the other, load one document of ${ENTRIES.toLocaleString('en')} map entries (15 MB ` +
    `encoded): Syncline over GET …/state, uncompressed, the peers (which have no such route) by joining over the ` +
    `socket. The document was brought by a client that stays connected; the clock starts when the server has been ` +
    `idle for 1.5 s. Unchanged: ${CHECKS.toLocaleString('en')} requests with If-None-Match, answered 304. Cold: the first load ` +
    `after a restart, over REST and over the socket, through a line of ${2 * LINE_MS} ms there and back and ${LINE_BITS_PER_SECOND / 1e6} Mbit/s; over REST compressed, as browsers ask for it, and unpacked. Closed: documents of 95 KB that nobody has open, through the same line, on a node that has answered before (medians).`,
  metrics: [
    { key: 'cpu', label: 'server CPU a load', unit: 'ms', digits: 1, aims: [{ ratioMax: 1 / 10 }] },
    { key: 'wall', label: 'time a load', unit: 'ms', digits: 0, aims: [] },
    { key: 'unchanged', label: 'server CPU a 304', unit: 'ms', digits: 3, aims: [{ below: 1 }] },
    { key: 'coldRest', label: 'cold, over REST', unit: 'ms', digits: 0, aims: [] },
    { key: 'coldSocket', label: 'cold, over the socket', unit: 'ms', digits: 0, aims: [] },
    { key: 'closedRest', label: 'closed, over REST', unit: 'ms', digits: 0, aims: [] },
    { key: 'closedSocket', label: 'closed, over the socket', unit: 'ms', digits: 0, aims: [] },
  ],
  run: firstLoad,
};
