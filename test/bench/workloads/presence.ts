/** Two hundred people in one room, all moving their cursors: N² by nature, so the constant is everything. */
import { setTimeout as delay } from 'node:timers/promises';
import * as decoding from 'lib0/decoding';
import { BenchClient } from '../bench-client.ts';
import { cursorState } from '../crowd-protocol.ts';
import { bodyAt } from '../dialects.ts';
import { cpuMs } from '../process-stats.ts';
import { percentiles } from '../statistics.ts';
import type { Outcome, Run, Workload } from '../workload.ts';

const PEOPLE = 200;
const SECONDS = 10;
const PERIOD_MS = 500;
const DOCUMENT = 'bench-presence';
/** How long the last cursors may take to arrive when all have come to rest: milliseconds. */
const REST_TIMEOUT_MS = 10_000;
/** The two people in this process; the crowd counts on from 1,000. */
const MOVER = 900;
const WATCHER = 901;

/** What a client has been told of the others: the newest clock of each. */
class Audience {
  readonly clocks = new Map<number, number>();
  readonly latenciesMs: number[] = [];
  readonly #movedAtMs: ReadonlyMap<number, number>;

  constructor(movedAtMs: ReadonlyMap<number, number>) {
    this.#movedAtMs = movedAtMs;
  }

  hear(frame: Buffer, at: number): void {
    const nowMs = performance.now();
    const decoder = decoding.createDecoder(bodyAt(frame, at));
    const entries = decoding.readVarUint(decoder);
    for (let entry = 0; entry < entries; entry++) {
      const clientId = decoding.readVarUint(decoder);
      const clock = decoding.readVarUint(decoder);
      const stateBytes = decoding.readVarUint(decoder);
      decoder.pos += stateBytes;
      const known = this.clocks.get(clientId) ?? -1;
      if (clock > known) this.clocks.set(clientId, clock);
      const movedAtMs = clientId === MOVER ? this.#movedAtMs.get(clock) : undefined;
      if (movedAtMs !== undefined && clock > known) this.latenciesMs.push(nowMs - movedAtMs);
    }
  }
}

async function presence(run: Run): Promise<Outcome> {
  const { server, crowd } = run;
  const { target } = server;
  const people = run.isQuick ? 40 : PEOPLE;
  const seconds = run.isQuick ? 3 : SECONDS;
  const faults: string[] = [];
  run.say('gathering');
  const movedAtMs = new Map<number, number>();
  const audience = new Audience(movedAtMs);
  const enter = async (clientId: number, onPresence?: Audience): Promise<BenchClient> =>
    BenchClient.open({
      target,
      document: DOCUMENT,
      presence: { clientId, json: cursorState(clientId, 0) },
      ...(onPresence && { onPresence: (frame, at) => onPresence.hear(frame, at) }),
    });
  const mover = await enter(MOVER);
  const watcher = await enter(WATCHER, audience);
  const order = {
    target,
    rooms: [{ document: DOCUMENT, clients: people - 2 }],
    reading: 'lazy',
    isPresent: true,
    parallel: 10,
    firstClientId: 1000,
  } as const;
  await crowd.ask({ do: 'join', order });

  run.say('moving cursors');
  await crowd.ask({ do: 'move', periodMs: PERIOD_MS });
  let moves = 0;
  const moving = setInterval(() => {
    for (const client of [mover, watcher]) client.announce(cursorState(MOVER, ++moves));
    movedAtMs.set(mover.presenceClock, performance.now());
  }, PERIOD_MS);
  await delay(2_000);
  const before = { atMs: performance.now(), serverMs: cpuMs(server.pid) };
  const { cpuMs: crowdBeforeMs } = await crowd.ask({ do: 'stats' });
  await delay(seconds * 1000);
  const elapsedMs = performance.now() - before.atMs;
  const serverMs = cpuMs(server.pid) - before.serverMs;
  const { cpuMs: crowdMs, lost } = await crowd.ask({ do: 'stats' });

  run.say('checking');
  clearInterval(moving);
  const resting = await crowd.ask({ do: 'rest' });
  const last = [...resting, { clientId: MOVER, clock: mover.presenceClock }];
  const missing = (): number =>
    last.filter(({ clientId, clock }) => audience.clocks.get(clientId) !== clock).length;
  const deadline = performance.now() + REST_TIMEOUT_MS;
  while (missing() > 0 && performance.now() < deadline) await delay(50);
  if (missing() > 0)
    faults.push(`the watcher has not the last cursor of ${missing()} of ${people}`);
  if (lost > 0) faults.push(`the server closed ${lost} connections`);
  mover.close();
  watcher.close();
  await crowd.ask({ do: 'leave' });
  const share = Math.round(((crowdMs - crowdBeforeMs) / elapsedMs) * 100);
  return {
    values: { cpu: serverMs / elapsedMs, ...percentiles(audience.latenciesMs) },
    faults,
    remarks: [`crowd ${share} % of a core`],
  };
}

export const presenceCrowd: Workload = {
  name: 'presence',
  summary:
    `${PEOPLE} people in one room, each renewing a cursor as the editor bindings encode it every ${PERIOD_MS} ms, ` +
    `for ${SECONDS} s after 2 s of warm-up. CPU: server CPU over time (1 is a full core). Delay: of one person's ` +
    `moves at one other, who both are outside the crowd. When all rest, that other must hold everybody's last cursor.`,
  metrics: [
    {
      key: 'cpu',
      label: 'server CPU',
      unit: 's per s',
      digits: 3,
      aims: [{ ratioMax: 0.2 }],
    },
    { key: 'p50', label: 'delay of a cursor p50', unit: 'ms', digits: 1, aims: [] },
    { key: 'p95', label: 'delay of a cursor p95', unit: 'ms', digits: 1, aims: [] },
  ],
  run: presence,
};
