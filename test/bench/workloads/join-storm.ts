/** Everybody opens the same large document at once: what a link in a company-wide mail does. */
import * as Y from 'yjs';
import { BenchClient } from '../bench-client.ts';
import { bodyAt } from '../dialects.ts';
import { entriesDocument } from '../documents.ts';
import { cpuMs, peakRssMib, resetPeakRss, rssMib, untilQuiet } from '../process-stats.ts';
import type { Outcome, Run, Workload } from '../workload.ts';

const CLIENTS = 100;
const ENTRIES = 450_000;
const DOCUMENT = 'bench-large';
/** How long a server may be busy with what it was given before the joiners come: milliseconds. */
const QUIET_TIMEOUT_MS = 60_000;
const JOIN_TIMEOUT_MS = 150_000;

async function joinStorm(run: Run): Promise<Outcome> {
  const { server, crowd } = run;
  const { target } = server;
  const entries = run.isQuick ? 30_000 : ENTRIES;
  const clients = run.isQuick ? 10 : CLIENTS;
  const faults: string[] = [];
  const remarks: string[] = [];

  run.say('loading the document');
  const content = entriesDocument(entries);
  // Stays connected: servers without storage would forget the document.
  const author = await BenchClient.open({ target, document: DOCUMENT, headBytes: 64 });
  await author.bring(content);
  run.say('waiting until it is idle');
  if (!(await untilQuiet(server.pid, QUIET_TIMEOUT_MS))) remarks.push('was never idle before');

  run.say(`${clients} clients joining`);
  const idleMib = rssMib(server.pid);
  resetPeakRss(server.pid);
  const cpuBeforeMs = cpuMs(server.pid);
  const { cpuMs: crowdBeforeMs } = await crowd.ask({ do: 'stats' });
  const startedAtMs = performance.now();
  const kept: Uint8Array[] = [];
  const [witness] = await Promise.all([
    BenchClient.open({
      target,
      document: DOCUMENT,
      syncTimeoutMs: JOIN_TIMEOUT_MS,
      onSync: (frame, at) => kept.push(Uint8Array.from(bodyAt(frame, at))),
    }),
    crowd.ask({
      do: 'join',
      order: {
        target,
        rooms: [{ document: DOCUMENT, clients: clients - 1 }],
        reading: 'count',
        isPresent: false,
        parallel: clients,
        firstClientId: 1000,
      },
    }),
  ]);
  const seconds = (performance.now() - startedAtMs) / 1000;
  const { cpuMs: crowdMs, lost, leastBytes, mostBytes } = await crowd.ask({ do: 'stats' });
  const outcome = {
    seconds,
    peak: peakRssMib(server.pid),
    growth: peakRssMib(server.pid) - idleMib,
    cpu: (cpuMs(server.pid) - cpuBeforeMs) / 1000,
  };

  run.say('checking');
  const doc = new Y.Doc();
  for (const update of kept) Y.applyUpdate(doc, update);
  const found = doc.getMap('entries').size;
  if (found !== entries) faults.push(`the decoding client has ${found} of ${entries} entries`);
  // What one client decoded correctly, the others received as many bytes of.
  if (leastBytes !== witness.syncBytes || mostBytes !== witness.syncBytes) {
    faults.push(`others received ${leastBytes}–${mostBytes} bytes, not ${witness.syncBytes}`);
  }
  if (lost > 0) faults.push(`the server closed ${lost} connections`);
  const share = Math.round((crowdMs - crowdBeforeMs) / 10 / seconds);
  remarks.push(
    `${(content.length / 2 ** 20).toFixed(1)} MiB encoded, ${idleMib.toFixed(0)} MiB resident before; ` +
      `crowd ${share} % of a core`,
  );
  witness.close();
  author.close();
  await crowd.ask({ do: 'leave' });
  return { values: outcome, faults, remarks };
}

export const joinStormLarge: Workload = {
  name: 'join-storm',
  summary:
    `${CLIENTS} clients open one document of ${ENTRIES.toLocaleString('en')} map entries (15 MB encoded) at once. ` +
    `The document was brought by a client that stays connected; the clock starts when the server has been idle ` +
    `for 1.5 s after that. Time: from the first connect to the last client's SyncStep2 being complete. Peak: ` +
    `VmHWM, reset before the joins. One client decodes and counts the entries, the others must receive exactly as ` +
    `many bytes.`,
  metrics: [
    {
      key: 'seconds',
      label: 'until the last client has everything',
      unit: 's',
      digits: 2,
      aims: [{ ratioMax: 1 / 8 }],
    },
    { key: 'peak', label: 'peak memory', unit: 'MiB', digits: 0, aims: [{ ratioMax: 1 / 4 }] },
    { key: 'growth', label: 'of it during the joins', unit: 'MiB', digits: 0, aims: [] },
    { key: 'cpu', label: 'server CPU', unit: 's', digits: 2, aims: [] },
  ],
  run: joinStorm,
};
