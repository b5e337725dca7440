/**
 * People typing into rooms while others read: the shape that three workloads share. Writers and probes live
 * in this process, all other readers in the crowd. Measured from after the warm-up until nothing arrives any
 * more anywhere, so that a server that falls behind pays for its backlog too.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { BenchClient } from './bench-client.ts';
import { updateMessage } from './dialects.ts';
import { Probe, SendLog } from './probe.ts';
import { cpuMs } from './process-stats.ts';
import { prepareSessions, type Session } from './sessions.ts';
import type { Run } from './workload.ts';

/** Long enough that compiling the hot path, which costs every server one or two seconds of CPU, is over. */
const WARM_UP_SECONDS = 6;
const DELIVERY_TIMEOUT_MS = 60_000;
/** Nothing new anywhere for this long: everything has been delivered. */
const QUIET_MS = 400;
/** Above this share of a core the load generator may have been what limited the run. */
const SATURATED = 0.9;

export interface TypingShape {
  readonly rooms: readonly string[];
  readonly writersPerRoom: number;
  readonly perSecond: number;
  readonly readersPerRoom: number;
  /** Readers per room that are probes, in the first `probedRooms` rooms. */
  readonly probes: number;
  readonly probedRooms: number;
  readonly seconds: number;
}

export interface TypingResult {
  readonly edits: number;
  readonly cpuMs: number;
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
  readonly faults: string[];
  readonly remarks: string[];
}

export interface Writer {
  readonly client: BenchClient;
  readonly session: Session;
  readonly log: SendLog;
}

interface Stage {
  readonly writers: Writer[];
  readonly probes: { readonly probe: Probe; readonly document: string }[];
  readonly faults: string[];
  readonly text: string;
}

export async function typeTogether(run: Run, shape: TypingShape): Promise<TypingResult> {
  const stage = await setUp(run, shape);
  const warmUp = WARM_UP_SECONDS * shape.perSecond;
  const last = warmUp + shape.seconds * shape.perSecond;
  run.say('warm-up');
  await play(stage.writers, shape.perSecond, 0, warmUp);
  await untilDelivered(run, stage);
  for (const { probe } of stage.probes) probe.startMeasuring();

  run.say('typing');
  const before = await readings(run);
  await play(stage.writers, shape.perSecond, warmUp, last);
  run.say('delivering');
  const quietSinceMs = await untilDelivered(run, stage);
  const after = await readings(run);

  run.say('checking');
  const seconds = (quietSinceMs - before.atMs) / 1000;
  await verify(run, shape, stage);
  for (const { client } of stage.writers) client.close();
  for (const { probe } of stage.probes) probe.client?.close();
  await run.crowd.ask({ do: 'leave' });
  return {
    edits: stage.writers.length * (last - warmUp),
    cpuMs: after.serverMs - before.serverMs,
    seconds,
    latenciesMs: stage.probes.flatMap(({ probe }) => probe.latenciesMs),
    faults: stage.faults,
    remarks: remarks(before, after, seconds),
  };
}

async function setUp(run: Run, shape: TypingShape): Promise<Stage> {
  const { target } = run.server;
  run.say('connecting');
  const editsEach = (WARM_UP_SECONDS + shape.seconds) * shape.perSecond;
  const { writers: sessions, text } = prepareSessions(shape.writersPerRoom, editsEach);
  const stage: Stage = { writers: [], probes: [], faults: [], text };
  const onLost = (reason: string): void => {
    stage.faults.push(`a connection was lost: ${reason}`);
  };
  for (const [index, document] of shape.rooms.entries()) {
    const logs = new Map(sessions.map((session) => [session.clientId, new SendLog()]));
    for (const session of sessions) {
      const client = await BenchClient.open({ target, document, onLost });
      stage.writers.push({ client, session, log: logs.get(session.clientId) ?? new SendLog() });
    }
    if (index >= shape.probedRooms) continue;
    for (let count = 0; count < shape.probes; count++) {
      stage.probes.push({ probe: await Probe.open(target, document, logs, onLost), document });
    }
  }
  const rooms = shape.rooms.map((document, index) => ({
    document,
    clients: shape.readersPerRoom - (index < shape.probedRooms ? shape.probes : 0),
  }));
  await run.crowd.ask({
    do: 'join',
    order: { target, rooms, reading: 'lazy', isPresent: false, parallel: 20, firstClientId: 1000 },
  });
  return stage;
}

/** Edits `from` to `to` of each writer's session, each writer at its rate, all evenly interleaved. */
export async function play(
  writers: readonly Writer[],
  perSecond: number,
  from: number,
  to: number,
): Promise<void> {
  const startedAtMs = performance.now();
  const perMs = (perSecond * writers.length) / 1000;
  const total = (to - from) * writers.length;
  let sent = 0;
  while (sent < total) {
    const due = Math.min(total, Math.floor((performance.now() - startedAtMs) * perMs));
    for (; sent < due; sent++) {
      const writer = writers[sent % writers.length];
      const edit = writer?.session.edits[from + Math.floor(sent / writers.length)];
      if (writer === undefined || edit === undefined) continue;
      if (edit.clockAfter !== null) writer.log.note(edit.clockAfter);
      writer.client.send(updateMessage(edit.update));
    }
    await delay(1);
  }
}

/** Resolves when all insertions have reached the probes and the crowd hears nothing new; since when. */
async function untilDelivered(run: Run, stage: Stage): Promise<number> {
  const deadline = performance.now() + DELIVERY_TIMEOUT_MS;
  let heard = -1;
  let quietSinceMs = performance.now();
  for (;;) {
    const { syncBytes } = await run.crowd.ask({ do: 'stats' });
    const nowMs = performance.now();
    if (syncBytes !== heard || !stage.probes.every(({ probe }) => probe.hasAll())) {
      heard = syncBytes;
      quietSinceMs = nowMs;
    }
    if (nowMs - quietSinceMs >= QUIET_MS) return quietSinceMs;
    if (nowMs > deadline) {
      stage.faults.push(`not everything was delivered within ${DELIVERY_TIMEOUT_MS} ms`);
      return nowMs;
    }
    await delay(50);
  }
}

interface Readings {
  readonly atMs: number;
  readonly serverMs: number;
  readonly crowdMs: number;
  readonly writersMs: number;
}

async function readings(run: Run): Promise<Readings> {
  const { cpuMs: crowdMs } = await run.crowd.ask({ do: 'stats' });
  const own = process.cpuUsage();
  return {
    atMs: performance.now(),
    serverMs: cpuMs(run.server.pid),
    crowdMs,
    writersMs: (own.user + own.system) / 1000,
  };
}

async function verify(run: Run, shape: TypingShape, stage: Stage): Promise<void> {
  for (const { probe, document } of stage.probes) {
    if (probe.text() !== stage.text) stage.faults.push(`${document}: a probe's text is wrong`);
  }
  const expected = shape.rooms.map((document) => ({ document, text: stage.text }));
  const wrong = await run.crowd.ask({ do: 'check', order: { expected } });
  const { clients, lost } = await run.crowd.ask({ do: 'stats' });
  stage.faults.push(...wrong.slice(0, 3));
  if (wrong.length > 3) stage.faults.push(`… ${wrong.length} readers in all`);
  if (lost > 0) stage.faults.push(`the server closed ${lost} of ${clients} readers`);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function remarks(before: Readings, after: Readings, seconds: number): string[] {
  const share = (key: 'serverMs' | 'crowdMs' | 'writersMs'): number =>
    (after[key] - before[key]) / 1000 / seconds;
  const said = [
    `server ${percent(share('serverMs'))} of a core, crowd ${percent(share('crowdMs'))}, ` +
      `writers and probes ${percent(share('writersMs'))}, ${seconds.toFixed(1)} s`,
  ];
  if (Math.max(share('crowdMs'), share('writersMs')) > SATURATED) {
    said.push('WARNING: the load generator was saturated; latencies are its own, not the server’s');
  }
  return said;
}
