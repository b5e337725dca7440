/** One reader after the other opens the same large document: over REST where there is one, else over the socket. */
import * as Y from 'yjs';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { BenchClient, type Target } from '../bench-client.ts';
import { entriesDocument } from '../documents.ts';
import { documentPath, HttpClient } from '../http-client.ts';
import { cpuMs, untilQuiet } from '../process-stats.ts';
import type { RunningServer } from '../servers.ts';
import type { Outcome, Run, Workload } from '../workload.ts';

const ENTRIES = 450_000;
const LOADS = 20;
const CHECKS = 5_000;
const DOCUMENT = 'bench-large';
const QUIET_TIMEOUT_MS = 60_000;
/** One way, of the line behind which cold loads are timed. */
const LINE_MS = 20;

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

/** The first load after a restart, seen from the other end of a line: milliseconds. */
async function coldLoad(
  server: RunningServer,
  load: (target: Target) => Promise<void>,
): Promise<number> {
  await server.restart();
  const line = await TcpProxy.start({ port: Number(new URL(server.target.url).port) });
  line.delay('up', LINE_MS);
  line.delay('down', LINE_MS);
  const startedAtMs = performance.now();
  await load({ ...server.target, url: `ws://127.0.0.1:${line.port}` });
  const wallMs = performance.now() - startedAtMs;
  await line.close();
  return wallMs;
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

  const joinSocket = async (target: Target): Promise<void> => {
    const client = await BenchClient.open({
      target,
      document: DOCUMENT,
      headBytes: 64,
    });
    client.close();
  };
  const values: Record<string, number> = {};
  if (!isSyncline) {
    run.say(`${loads} joins`);
    const { cpuMs: cpu, wallMs: wall } = await measure(
      () => server.pid,
      loads,
      () => joinSocket(server.target),
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
    () => joinSocket(server.target),
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
  author.close();
  http.close();
  values['coldRest'] = await coldLoad(server, async (target) => {
    const client = new HttpClient(target, 1);
    await client.ask(path, { isDiscarding: true });
    client.close();
  });
  values['coldSocket'] = await coldLoad(server, joinSocket);
  return { values, faults, remarks };
}

export const firstLoadLarge: Workload = {
  name: 'first-load',
  summary:
    `${LOADS} readers, one after the other, load one document of ${ENTRIES.toLocaleString('en')} map entries (15 MB ` +
    `encoded): Syncline over GET …/state, uncompressed, the peers (which have no such route) by joining over the ` +
    `socket. The document was brought by a client that stays connected; the clock starts when the server has been ` +
    `idle for 1.5 s. Unchanged: ${CHECKS.toLocaleString('en')} requests with If-None-Match, answered 304. Cold: the first load ` +
    `after a restart, over REST and over the socket, through a line of ${2 * LINE_MS} ms there and back.`,
  metrics: [
    { key: 'cpu', label: 'server CPU a load', unit: 'ms', digits: 1, aims: [{ ratioMax: 1 / 10 }] },
    { key: 'wall', label: 'time a load', unit: 'ms', digits: 0, aims: [] },
    { key: 'unchanged', label: 'server CPU a 304', unit: 'ms', digits: 3, aims: [{ below: 1 }] },
    { key: 'coldRest', label: 'cold, over REST', unit: 'ms', digits: 0, aims: [] },
    { key: 'coldSocket', label: 'cold, over the socket', unit: 'ms', digits: 0, aims: [] },
  ],
  run: firstLoad,
};
