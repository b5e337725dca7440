/** Many documents open, one person in each: what an open document holds on to. */
import { BenchClient } from '../bench-client.ts';
import { typedDocument } from '../documents.ts';
import { settledMib } from '../heap.ts';
import type { Outcome, Run, Workload } from '../workload.ts';

const DOCUMENTS = 100;
const BYTES = 300_000;

/** One small document opened and left again: what the first connection costs is not the documents'. */
async function warmUp(run: Run): Promise<number> {
  const { server } = run;
  const client = await BenchClient.open({ target: server.target, document: 'bench-warm-up' });
  client.close();
  return settledMib(server);
}

async function openDocuments(run: Run): Promise<Outcome> {
  const { server, crowd } = run;
  const count = run.isQuick ? 10 : DOCUMENTS;
  const content = typedDocument(BYTES);
  const documents = Array.from({ length: count }, (_, index) => `bench-open-${index}`);
  const faults: string[] = [];
  const grownBy = async (baseMib: number): Promise<number> =>
    (((await settledMib(server)) - baseMib) * 1024) / count;

  run.say('first start');
  const emptyMib = await warmUp(run);
  run.say('bringing the documents');
  const authors: BenchClient[] = [];
  for (const document of documents) {
    const author = await BenchClient.open({ target: server.target, document, headBytes: 64 });
    await author.bring(content);
    authors.push(author);
  }
  run.say('settling');
  const brought = await grownBy(emptyMib);
  for (const author of authors) author.close();
  if (server.kind.storage === 'memory') {
    return { values: { brought, open: brought }, faults, remarks: [] };
  }

  run.say('second start');
  await server.restart();
  const restartedMib = await warmUp(run);
  run.say('opening the documents');
  const rooms = documents.map((document) => ({ document, clients: 1 }));
  const order = {
    target: server.target,
    rooms,
    reading: 'count',
    isPresent: false,
    parallel: 4,
    firstClientId: 1000,
  } as const;
  await crowd.ask({ do: 'join', order });
  run.say('settling');
  const reopened = await grownBy(restartedMib);
  const { leastBytes, lost } = await crowd.ask({ do: 'stats' });
  if (leastBytes < BYTES) faults.push(`a reader received ${leastBytes} bytes after the restart`);
  if (lost > 0) faults.push(`the server closed ${lost} connections`);
  await crowd.ask({ do: 'leave' });
  return { values: { brought, reopened, open: reopened }, faults, remarks: [] };
}

export const openDocumentsIdle: Workload = {
  name: 'open-documents',
  summary:
    `${DOCUMENTS} documents of ${BYTES / 1000} KB (encoded; a typed paper), each with one connected client. Growth of ` +
    `resident memory per document, each time from a server that has served one small document; both times it is ` +
    `idle and the garbage of its main heap has been collected (all servers run with the inspector for that). ` +
    `"brought": each client has just brought its document. "reopened": the server was started again on its data ` +
    `and a client opened each document; only where there is storage. The first line is "reopened" where it ` +
    `exists, else "brought".`,
  metrics: [
    {
      key: 'open',
      label: 'memory per open document',
      unit: 'KiB',
      digits: 0,
      aims: [{ ratioMax: 1 / 8 }],
    },
    { key: 'brought', label: 'just brought by its client', unit: 'KiB', digits: 0, aims: [] },
    { key: 'reopened', label: 'reopened after a restart', unit: 'KiB', digits: 0, aims: [] },
  ],
  isInspected: true,
  run: openDocuments,
};
