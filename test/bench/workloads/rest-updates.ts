/** What a program that writes over REST waits for: an answer that says "on disk". */
import { setTimeout as delay } from 'node:timers/promises';
import * as Y from 'yjs';
import { TRACE_TEXT } from '../../support/traces.ts';
import { documentPath, HttpClient } from '../http-client.ts';
import { cpuMs } from '../process-stats.ts';
import { prepareSessions } from '../sessions.ts';
import { percentiles } from '../statistics.ts';
import type { Outcome, Run, Workload } from '../workload.ts';

const ROOMS = 50;
const PER_SECOND = 500;
const SECONDS = 10;
const WARM_UP_SECONDS = 2;
const CONNECTIONS = 50;

async function restUpdates(run: Run): Promise<Outcome> {
  const { server } = run;
  const seconds = run.isQuick ? 2 : SECONDS;
  const warmUp = WARM_UP_SECONDS * PER_SECOND;
  const total = warmUp + seconds * PER_SECOND;
  const faults: string[] = [];
  const { writers, text } = prepareSessions(1, total / ROOMS);
  const edits = writers[0]?.edits ?? [];
  const http = new HttpClient(server.target, CONNECTIONS);
  run.say('creating documents');
  for (let room = 0; room < ROOMS; room++) {
    await http.ask(documentPath(`bench-rest-${room}`, ''), { method: 'PUT' });
  }

  run.say('writing');
  const latenciesMs: number[] = [];
  const statuses = new Map<number, number>();
  // Edits of a room build on each other: each room has a queue, sent one after the other.
  const queues: Promise<void>[] = Array.from({ length: ROOMS }, () => Promise.resolve());
  const post = async (
    room: number,
    index: number,
    dueMs: number,
    isCounted: boolean,
  ): Promise<void> => {
    const body = edits[index]?.update;
    if (body === undefined) return;
    const { status } = await http.ask(documentPath(`bench-rest-${room}`, '/updates'), {
      method: 'POST',
      headers: { 'Content-Type': 'application/octet-stream' },
      body,
    });
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (isCounted) latenciesMs.push(performance.now() - dueMs);
  };
  const startedAtMs = performance.now();
  const cpuBeforeMs = cpuMs(server.pid);
  for (let sent = 0; sent < total;) {
    const due = Math.min(
      total,
      Math.floor(((performance.now() - startedAtMs) * PER_SECOND) / 1000),
    );
    for (; sent < due; sent++) {
      const room = sent % ROOMS;
      const index = Math.floor(sent / ROOMS);
      const isCounted = sent >= warmUp;
      // From when it was due: a server that falls behind is not spared what waits for it.
      const dueMs = startedAtMs + (sent * 1000) / PER_SECOND;
      queues[room] = (queues[room] ?? Promise.resolve()).then(() =>
        post(room, index, dueMs, isCounted),
      );
    }
    await delay(1);
  }
  await Promise.all(queues);
  const elapsedMs = performance.now() - startedAtMs;
  const share = Math.round(((cpuMs(server.pid) - cpuBeforeMs) / elapsedMs) * 100);
  for (const [status, count] of statuses) {
    if (status !== 200) faults.push(`${count} requests were answered ${status}`);
  }

  run.say('checking after kill -9');
  await server.restart('SIGKILL');
  const again = new HttpClient(server.target, 1);
  for (let room = 0; room < ROOMS; room++) {
    const { body } = await again.ask(documentPath(`bench-rest-${room}`, '/state'));
    const doc = new Y.Doc();
    Y.applyUpdate(doc, body);
    if (doc.getText(TRACE_TEXT).toJSON() !== text) {
      faults.push(`bench-rest-${room} has lost edits`);
    }
  }
  again.close();
  http.close();
  return { values: percentiles(latenciesMs), faults, remarks: [`server ${share} % of a core`] };
}

export const restUpdatesTyping: Workload = {
  name: 'rest-updates',
  summary:
    `POST …/updates, ${PER_SECOND} a second in ${ROOMS} documents over ${CONNECTIONS} connections, ${SECONDS} s after ` +
    `2 s of warm-up: from when a keystroke was due to the answer that it is synced to disk. In one document each ` +
    `waits for the one before it. Afterwards the server is killed (SIGKILL) and every document read again. ` +
    `No peer has such a route.`,
  metrics: [
    { key: 'p50', label: 'answer p50', unit: 'ms', digits: 1, aims: [] },
    { key: 'p95', label: 'answer p95', unit: 'ms', digits: 1, aims: [{ below: 50 }] },
    { key: 'p99', label: 'answer p99', unit: 'ms', digits: 1, aims: [] },
  ],
  servers: ['syncline'],
  run: restUpdates,
};
