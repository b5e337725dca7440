/** How long a writer waits until "saved" is true. */
import { setTimeout as delay } from 'node:timers/promises';
import { BenchClient } from '../bench-client.ts';
import { ackRequest, updateMessage } from '../dialects.ts';
import { cpuMs } from '../process-stats.ts';
import { prepareSessions } from '../sessions.ts';
import { percentiles } from '../statistics.ts';
import type { Outcome, Run, Workload } from '../workload.ts';

const ROOMS = 10;
const WRITERS = 2;
const PER_SECOND = 100;
const SECONDS = 10;
const WARM_UP_SECONDS = 2;
const ACK_TIMEOUT_MS = 15_000;

/** What one writer has sent and what of it has been acknowledged. */
interface Account {
  /** When edit n was sent; its ack carries n + 1. */
  readonly sentAtMs: number[];
  acked: number;
}

interface Writer extends Account {
  readonly client: BenchClient;
}

async function ackLatency(run: Run): Promise<Outcome> {
  const { server } = run;
  const asks = server.kind.dialect === 'y-websocket';
  const seconds = run.isQuick ? 2 : SECONDS;
  const warmUp = WARM_UP_SECONDS * PER_SECOND;
  const editsEach = warmUp + seconds * PER_SECOND;
  const { writers: sessions } = prepareSessions(WRITERS, editsEach);
  const latenciesMs: number[] = [];
  const faults: string[] = [];
  const writers: Writer[] = [];
  run.say('connecting');
  for (let index = 0; index < ROOMS * WRITERS; index++) {
    const account: Account = { sentAtMs: [], acked: 0 };
    const client = await BenchClient.open({
      target: server.target,
      document: `bench-ack-${index % ROOMS}`,
      onLost: (reason) => faults.push(`a connection was lost: ${reason}`),
      onAck: (value) => {
        // Y-Sweet's echo names the last edit that it covers; Hocuspocus says "one more".
        const covered = asks ? value : account.acked + value;
        const nowMs = performance.now();
        for (; account.acked < covered; account.acked++) {
          const sentAtMs = account.sentAtMs[account.acked];
          if (sentAtMs !== undefined && account.acked >= warmUp) latenciesMs.push(nowMs - sentAtMs);
        }
      },
    });
    writers.push(Object.assign(account, { client }));
  }
  // Hocuspocus confirms the empty SyncStep2 of the handshake too: let it, then count from zero.
  await delay(500);
  for (const writer of writers) writer.acked = 0;

  run.say('typing');
  const total = editsEach * writers.length;
  const startedAtMs = performance.now();
  const cpuBeforeMs = cpuMs(server.pid);
  for (let sent = 0; sent < total;) {
    const elapsedMs = performance.now() - startedAtMs;
    const due = Math.min(total, Math.floor((elapsedMs * PER_SECOND * writers.length) / 1000));
    for (; sent < due; sent++) {
      const writer = writers[sent % writers.length];
      const edits = sessions[Math.floor((sent % writers.length) / ROOMS)]?.edits;
      const edit = edits?.[Math.floor(sent / writers.length)];
      if (writer === undefined || edit === undefined) continue;
      writer.sentAtMs.push(performance.now());
      writer.client.send(updateMessage(edit.update));
      if (asks) writer.client.send(ackRequest(writer.sentAtMs.length));
    }
    await delay(1);
  }
  run.say('waiting for acks');
  const deadline = performance.now() + ACK_TIMEOUT_MS;
  const unacked = (): number =>
    writers.reduce((sum, { sentAtMs, acked }) => sum + sentAtMs.length - acked, 0);
  while (unacked() > 0 && performance.now() < deadline) await delay(20);
  const typingMs = performance.now() - startedAtMs;
  if (unacked() > 0) faults.push(`${unacked()} of ${total} edits were never acknowledged`);
  const serverShare = Math.round(((cpuMs(server.pid) - cpuBeforeMs) / typingMs) * 100);
  for (const { client } of writers) client.close();
  const remarks = [`server ${serverShare} % of a core`];
  if (server.kind.storage === 'memory') remarks.push('its ack says "in memory", not "on disk"');
  return { values: percentiles(latenciesMs), faults, remarks };
}

export const ackLatencyTyping: Workload = {
  name: 'ack-latency',
  summary:
    `${ROOMS * WRITERS} connections in ${ROOMS} rooms, ${ROOMS * WRITERS * PER_SECOND} edits/s together, ${SECONDS} s after ` +
    `2 s of warm-up, each edit with a request for its ack: from sending an edit to its ack. Syncline acks what is ` +
    `synced to disk (Y-Sweet's SyncStatus). y-websocket's servers have no ack; Hocuspocus confirms what is in ` +
    `memory only, so that its line is no comparison but the price of the promise.`,
  metrics: [
    { key: 'p50', label: 'ack p50', unit: 'ms', digits: 1, aims: [] },
    { key: 'p95', label: 'ack p95', unit: 'ms', digits: 1, aims: [{ below: 50 }] },
    { key: 'p99', label: 'ack p99', unit: 'ms', digits: 1, aims: [{ below: 250 }] },
  ],
  servers: ['syncline', 'hocuspocus'],
  run: ackLatency,
};
