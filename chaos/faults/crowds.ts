/** F74 to F76: herds, slow consumers and hostile clients, beside editors who must not notice. */
import * as Y from 'yjs';
import {
  join,
  joinAndStall,
  sendHostile,
  type Joined,
  type Listener,
} from '../editors/listeners.ts';
import { pause } from '../engine/clock.ts';
import type { Run } from '../engine/run.ts';
import type { LinkProxy } from '../proxies/link-proxy.ts';
import type { Seat } from '../stage/seat.ts';
import type { Fault } from './fault.ts';

const HERD_DOCUMENT = 'herd';
const HERD_TIMEOUT_MS = 60_000;
const HERD_WITHIN_MS = 1_000;
const SYNCED_MS_MAX = 10_000;
const MEBIBYTE: number = 1024 * 1024;

export interface HerdSize {
  readonly clients: number;
  readonly mebibytes: number;
}

/** A document of text; every line its own item, as editing leaves it. */
export async function seedHerd(seat: Seat, mebibytes: number): Promise<void> {
  const doc = new Y.Doc();
  const text = doc.getText('text');
  const line = 'x'.repeat(1_000);
  for (let at = 0; at < mebibytes * MEBIBYTE; at += line.length) text.insert(text.length, line);
  const response = await fetch(`${seat.url}/v1/documents/${HERD_DOCUMENT}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/octet-stream' },
    body: Y.encodeStateAsUpdate(doc) as Uint8Array<ArrayBuffer>,
  });
  if (!response.ok) throw new Error(`the herd's document was refused: ${response.status}`);
}

export function herd(run: Run, seat: Seat, { clients, mebibytes }: HerdSize): Fault {
  let joined: Joined[] = [];
  return {
    id: 'F74',
    name: `${clients} clients join a document of ${mebibytes} MiB within a second, after a restart`,
    scope: 'load',
    targets: [seat.id],
    inject: async () => {
      const url = `ws://127.0.0.1:${seat.port}/${HERD_DOCUMENT}`;
      joined = await Promise.all(
        Array.from({ length: clients }, async (_, index) => {
          await pause((index / clients) * HERD_WITHIN_MS);
          return await join(url, HERD_TIMEOUT_MS);
        }),
      );
      const times = joined.flatMap(({ syncedMs }) => syncedMs ?? []).toSorted((a, b) => a - b);
      const p99 = times[Math.floor(times.length * 0.99)] ?? Infinity;
      run.promise(
        'F74',
        'the herd is synced',
        times.length === clients && p99 <= SYNCED_MS_MAX,
        `${times.length} of ${clients} synced, p99 ${Math.round(p99)} ms (at most ${SYNCED_MS_MAX})`,
      );
    },
    heal: async () => {
      await Promise.resolve();
    },
    prove: () => {
      const bytes = joined.reduce((sum, each) => sum + each.bytes, 0);
      return bytes > clients * MEBIBYTE ? `${Math.round(bytes / MEBIBYTE)} MiB were sent` : null;
    },
  };
}

const SLOW_BYTES_PER_SECOND = 2_000;

export function slowConsumers(run: Run, seat: Seat, link: LinkProxy, count: number): Fault {
  let sockets: Listener[] = [];
  return {
    id: 'F75',
    name: `${count} clients who hardly read`,
    scope: 'load',
    targets: [link.name],
    inject: async () => {
      link.throttle('down', SLOW_BYTES_PER_SECOND);
      sockets = await Promise.all(
        Array.from({ length: count }, async (_, index) => {
          const doc = run.docs[index % run.docs.length] ?? '';
          return await joinAndStall(`ws://127.0.0.1:${link.port}/${doc}`);
        }),
      );
    },
    heal: async () => {
      for (const socket of sockets) socket.terminate();
      link.throttle('down', null);
      await Promise.resolve();
    },
    prove: () => {
      const { bytes } = link.lane('down').counts;
      const open = sockets.filter(({ readyState }) => readyState === 1).length;
      return sockets.length === count
        ? `${count} joined ${seat.id}, ${open} still open, ${bytes} bytes let through`
        : null;
    },
  };
}

/** A sample of BAD-INPUTS.md's rows; test/fuzz has them all, one by one. */
function hostileMessages(random: () => number): Uint8Array[] {
  const noise = (length: number): Uint8Array =>
    Uint8Array.from({ length }, () => Math.floor(random() * 256));
  const update = (bytes: Uint8Array): Uint8Array =>
    Uint8Array.from([0, 2, ...lengthOf(bytes.length), ...bytes]);
  const v2 = new Y.Doc();
  v2.getText('text').insert(0, 'as version 2');
  return [
    noise(64),
    noise(4_096),
    // Decodes and merges, and throws when it is applied.
    update(Uint8Array.of(1, 1, 1, 1, 0, 0x84, 1, 5, 0x18, 0x77, 0x78, 0)),
    update(Y.encodeStateAsUpdateV2(v2)),
    update(noise(512)),
    // Lengths that promise more than there is.
    Uint8Array.of(0, 2, 0xff, 0xff, 0xff, 0x7f),
    // A state vector of clients that nobody is.
    Uint8Array.from([0, 0, ...lengthOf(40_000), ...noise(40_000)]),
    // Presence nested deeply.
    presence(`${'['.repeat(3_000)}${']'.repeat(3_000)}`),
    // Deletes what does not exist yet.
    update(Uint8Array.of(0, 1, 0xff, 0xff, 3, 1, 0, 0xff, 0xff, 3)),
    Uint8Array.of(0, 9, 0),
    Uint8Array.of(250, 1, 2, 3),
  ];
}

function lengthOf(length: number): number[] {
  return length < 0x80 ? [length] : [(length & 0x7f) | 0x80, ...lengthOf(length >>> 7)];
}

function presence(json: string): Uint8Array {
  const state = [...Buffer.from(json)];
  const entry = [1, 7, 1, ...lengthOf(state.length), ...state];
  return Uint8Array.from([1, ...lengthOf(entry.length), ...entry]);
}

export function hostileClients(run: Run, seat: Seat, doc: string): Fault {
  let isOn = false;
  let sent = 0;
  let closed = 0;
  let attacking: Promise<void> = Promise.resolve();
  const random = run.random.fork();
  const attackAgain = async (): Promise<void> => {
    if (!isOn) return;
    const url = `${seat.clientUrl.replace(/^http/, 'ws')}/${doc}`;
    const codes = await Promise.all(
      hostileMessages(random.fraction).map(async (message) => await sendHostile(url, message)),
    );
    sent += codes.length;
    closed += codes.filter((code) => code !== null).length;
    await attackAgain();
  };
  return {
    id: 'F76',
    name: `hostile clients in ${doc}`,
    scope: 'load',
    targets: [seat.id],
    inject: async () => {
      isOn = true;
      attacking = attackAgain();
      await Promise.resolve();
    },
    heal: async () => {
      isOn = false;
      await attacking;
    },
    prove: () =>
      closed > 0 ? `${sent} hostile messages, ${closed} connections closed for it` : null,
  };
}
