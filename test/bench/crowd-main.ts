/**
 * The crowd: a child process that holds the readers, so that their work is on another CPU bill than the
 * server's and the writers'. It does as it is told over the fork's channel and ends when that closes.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createHash } from 'node:crypto';
import * as Y from 'yjs';
import { BenchClient } from './bench-client.ts';
import {
  type CheckOrder,
  type CrowdAnswers,
  type CrowdCall,
  type CrowdReply,
  type CrowdRequest,
  type CrowdStats,
  cursorState,
  type JoinOrder,
} from './crowd-protocol.ts';
import { bodyAt } from './dialects.ts';

/** How often lazy sockets are read. Three display frames: late enough to be cheap, never backed up. */
const DRAIN_MS = 50;
const RENEW_MS = 15_000;
const HEAD_BYTES = 512;
const MOVE_TICK_MS = 10;

interface Reader {
  readonly client: BenchClient;
  readonly clientId: number;
  readonly kept: Uint8Array[];
}

let readers: Reader[] = [];
let drainTimer: NodeJS.Timeout | undefined;
let renewTimer: NodeJS.Timeout | undefined;
let moveTimer: NodeJS.Timeout | undefined;
let lost = 0;
let presenceMessages = 0;

async function openReader(order: JoinOrder, document: string, clientId: number): Promise<void> {
  const kept: Uint8Array[] = [];
  const isLazy = order.reading === 'lazy';
  const client = await BenchClient.open({
    target: order.target,
    document,
    syncTimeoutMs: 120_000,
    ...(isLazy ? {} : { headBytes: HEAD_BYTES }),
    ...(order.isPresent ? { presence: { clientId, json: cursorState(clientId, 0) } } : {}),
    onSync: (frame, at) => {
      if (isLazy) kept.push(Uint8Array.from(bodyAt(frame, at)));
    },
    onPresence: () => {
      presenceMessages += 1;
    },
    onLost: () => {
      lost += 1;
    },
  });
  // Only now: the join itself must not wait for the next drain.
  if (isLazy) client.becomeLazy();
  readers.push({ client, clientId, kept });
}

/** Documents in turn, until each has its clients. */
function seats(order: JoinOrder): string[] {
  const most = Math.max(0, ...order.rooms.map((room) => room.clients));
  return Array.from({ length: most }, (_, round) =>
    order.rooms.filter((room) => round < room.clients).map((room) => room.document),
  ).flat();
}

async function join(order: JoinOrder): Promise<void> {
  const waiting = seats(order);
  let next = 0;
  if (order.reading === 'lazy') drainTimer ??= setInterval(drainAll, DRAIN_MS);
  await Promise.all(
    Array.from({ length: Math.min(order.parallel, waiting.length) }, async () => {
      for (let seat = next++; seat < waiting.length; seat = next++) {
        await openReader(order, waiting[seat] as string, order.firstClientId + seat);
      }
    }),
  );
  if (order.isPresent) renewTimer ??= setInterval(renewAll, RENEW_MS);
}

function drainAll(): void {
  for (const { client } of readers) client.drain();
}

function renewAll(): void {
  for (const { client } of readers) client.announce();
}

/** Every reader renews its cursor once in `periodMs`, evenly spread over it. */
function move(periodMs: number): void {
  let moved = 0;
  const startedAt = performance.now();
  moveTimer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / periodMs) * readers.length);
    for (; moved < due; moved++) {
      const reader = readers[moved % readers.length];
      reader?.client.announce(cursorState(reader.clientId, moved));
    }
  }, MOVE_TICK_MS);
}

function stats(): CrowdStats {
  const bytes = readers.map((reader) => reader.client.syncBytes);
  const usage = process.cpuUsage();
  return {
    clients: readers.length,
    lost,
    syncMessages: readers.reduce((sum, reader) => sum + reader.client.syncMessages, 0),
    syncBytes: bytes.reduce((sum, each) => sum + each, 0),
    presenceMessages,
    cpuMs: (usage.user + usage.system) / 1000,
    leastBytes: Math.min(...bytes),
    mostBytes: Math.max(...bytes),
  };
}

/** Readers that received the same bytes are checked once; usually that is one replica a document. */
function check(order: CheckOrder): string[] {
  const wrong: string[] = [];
  for (const { document, text } of order.expected) {
    const here = readers.filter((reader) => reader.client.document === document);
    const verdicts = new Map<string, boolean>();
    for (const { kept } of here) {
      const hash = createHash('sha1');
      for (const update of kept) hash.update(update);
      const key = hash.digest('hex');
      if (!verdicts.has(key)) verdicts.set(key, textOf(kept) === text);
      if (verdicts.get(key) === false)
        wrong.push(`${document}: a reader's text is not the expected`);
    }
  }
  return wrong;
}

function textOf(updates: readonly Uint8Array[]): string {
  const doc = new Y.Doc();
  for (const update of updates) Y.applyUpdate(doc, update);
  return doc.getText('text').toJSON();
}

async function leave(): Promise<void> {
  for (const timer of [drainTimer, renewTimer, moveTimer]) clearInterval(timer);
  drainTimer = renewTimer = moveTimer = undefined;
  for (const reader of readers) reader.client.close();
  readers = [];
  lost = 0;
  presenceMessages = 0;
  await delay(DRAIN_MS);
}

async function obey(request: CrowdRequest): Promise<CrowdAnswers[keyof CrowdAnswers]> {
  switch (request.do) {
    case 'join':
      await join(request.order);
      return null;
    case 'stats':
      return stats();
    case 'check':
      return check(request.order);
    case 'move':
      move(request.periodMs);
      return null;
    case 'rest': {
      clearInterval(moveTimer);
      clearInterval(renewTimer);
      return readers.map(({ client, clientId }) => ({ clientId, clock: client.presenceClock }));
    }
    case 'leave':
      await leave();
      return null;
  }
}

process.on('message', (call: CrowdCall) => {
  obey(call.request).then(
    (answer) => reply({ id: call.id, answer }),
    (error: unknown) => reply({ id: call.id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));

function reply(message: CrowdReply): void {
  process.send?.(message);
}
