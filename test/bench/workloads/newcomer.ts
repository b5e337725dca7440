/** A node with an empty disk joins one that has everything: how fast it fills up. */
import { setTimeout as delay } from 'node:timers/promises';
import * as Y from 'yjs';
import { typedDocument } from '../documents.ts';
import { documentPath, HttpClient, metricOf } from '../http-client.ts';
import { inParallel } from '../parallel.ts';
import { cpuMs, untilQuiet } from '../process-stats.ts';
import type { RunningServer } from '../servers.ts';
import type { NodesRun, Outcome, Workload } from '../workload.ts';

const DOCUMENTS = 10_000;
const BYTES = 10_000;
const PARALLEL = 32;
const TIMEOUT_MS = 90_000;
/** For what follows a start; then a busy machine is measured as it is. */
const QUIET_TIMEOUT_MS = 10_000;
/** Of the pages of GET /v1/documents. */
const PAGE = 500;
/** Documents whose whole state is compared at the end. */
const COMPARED = 100;

const nameOf = (index: number): string => `bench-new-${String(index).padStart(5, '0')}`;

/** One document's content: the beginning of the recorded paper, as its authors typed it. */
function content(): Uint8Array {
  const doc = new Y.Doc();
  const text = doc.getText('text');
  doc.clientID = 1;
  const source = new Y.Doc();
  Y.applyUpdate(source, typedDocument(BYTES));
  const typed = source.getText('text').toJSON();
  // A keystroke at a time, in order: what is left after a compaction of a text that was typed.
  for (let at = 0; Y.encodeStateAsUpdate(doc).length < BYTES; at += 200) {
    text.insert(text.length, typed.slice(at % typed.length, (at % typed.length) + 200));
  }
  return Y.encodeStateAsUpdate(doc);
}

async function create(
  { target }: RunningServer,
  documents: number,
  update: Uint8Array,
): Promise<string[]> {
  const http = new HttpClient(target, PARALLEL);
  const faults: string[] = [];
  await inParallel(PARALLEL, documents, async (index) => {
    const { status } = await http.ask(documentPath(nameOf(index), ''), {
      method: 'PUT',
      headers: { 'Content-Type': 'application/octet-stream' },
      body: update,
    });
    if (status !== 201) faults.push(`${nameOf(index)} was answered ${status}`);
  });
  http.close();
  return faults.slice(0, 3);
}

async function untilIndexed({ target, pid }: RunningServer, documents: number): Promise<void> {
  const http = new HttpClient(target, 1);
  while ((await metricOf(http, 'sweep_documents')) < documents) await delay(250);
  http.close();
  await untilQuiet(pid, QUIET_TIMEOUT_MS);
}

async function newcomer({ stage, isQuick, say }: NodesRun): Promise<Outcome> {
  const documents = isQuick ? 2_000 : DOCUMENTS;
  const update = content();
  say('writing documents');
  const old = await stage.node({ NODE_ID: 'old' });
  const faults = await create(old, documents, update);
  // What was just written is open and in memory: a node that has been up for long has it on disk, and knows what it has.
  await old.restart();
  say('reading what is stored');
  await untilIndexed(old, documents);

  say('filling up');
  const oldBeforeMs = cpuMs(old.pid);
  const startedMs = performance.now();
  const young = await stage.node({ NODE_ID: 'new' });
  const listeningMs = performance.now();
  const bootMs = cpuMs(young.pid);
  const http = new HttpClient(young.target, 4);
  const isFull = async (): Promise<boolean> =>
    (await metricOf(http, 'bus_updates_taken_total')) >= documents &&
    (await metricOf(http, 'sweep_filling_up')) === 0;
  while (!(await isFull())) {
    if (performance.now() - listeningMs > TIMEOUT_MS) {
      faults.push(`not filled up within ${TIMEOUT_MS / 1000} s`);
      break;
    }
    await delay(100);
  }
  const seconds = (performance.now() - listeningMs) / 1000;
  const oldMs = cpuMs(old.pid) - oldBeforeMs;
  const youngMs = cpuMs(young.pid) - bootMs;

  say('checking');
  faults.push(...(await check(http, documents, update)));
  http.close();
  return {
    values: {
      perDocument: (seconds * 1000) / documents,
      oldCpu: oldMs / documents,
      newCpu: youngMs / documents,
    },
    faults,
    remarks: [
      `${(documents / seconds).toFixed(0)} documents a second of ${update.length} bytes; it listened after ${((listeningMs - startedMs) / 1000).toFixed(1)} s`,
    ],
  };
}

async function check(http: HttpClient, documents: number, update: Uint8Array): Promise<string[]> {
  const names = new Set<string>();
  for (let cursor = ''; ;) {
    const { status, body } = await http.ask(
      `/v1/documents?limit=${PAGE}${cursor === '' ? '' : `&cursor=${cursor}`}`,
    );
    if (status !== 200) return [`the list of documents was answered ${status}: ${body.toString()}`];
    const page = JSON.parse(body.toString()) as {
      readonly documents: readonly { readonly name: string }[];
      readonly cursor: string | null;
    };
    for (const { name } of page.documents) names.add(name);
    if (page.cursor === null) break;
    cursor = encodeURIComponent(page.cursor);
  }
  const missing = Array.from({ length: documents }, (_, index) => nameOf(index)).filter(
    (name) => !names.has(name),
  );
  const expected = textOf(update);
  let wrong = 0;
  await inParallel(4, Math.min(COMPARED, documents), async (index) => {
    const at = Math.floor((index * documents) / Math.min(COMPARED, documents));
    const { body } = await http.ask(documentPath(nameOf(at), '/state'));
    if (textOf(body) !== expected) wrong += 1;
  });
  return [
    ...(missing.length === 0
      ? []
      : [`${missing.length} documents are missing: ${missing[0] ?? ''} …`]),
    ...(wrong === 0 ? [] : [`${wrong} of ${COMPARED} documents have another text`]),
  ];
}

function textOf(update: Uint8Array): string {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, update);
  return doc.getText('text').toJSON();
}

export const newcomerFillsUp: Workload = {
  name: 'newcomer',
  summary:
    `A node has ${DOCUMENTS.toLocaleString('en')} documents of 10 KB on its disk and was started again; one with an empty disk joins it over ` +
    `Redis. From its first line of output until it has taken the last document, synced to its own disk with the ` +
    `others; all names and ${COMPARED} texts are checked. Aim: 500 documents a second, which is 2 ms each. CPU: of each node, over ` +
    `documents. No peer has such a thing.`,
  metrics: [
    { key: 'perDocument', label: 'per document', unit: 'ms', digits: 2, aims: [{ below: 2 }] },
    { key: 'oldCpu', label: 'CPU per document, old node', unit: 'ms', digits: 2, aims: [] },
    { key: 'newCpu', label: 'CPU per document, new node', unit: 'ms', digits: 2, aims: [] },
  ],
  servers: ['syncline'],
  runNodes: newcomer,
};
