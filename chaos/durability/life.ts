/**
 * One life of a node: started on a folder, read before anybody can bring anything, written to, and killed the instant an
 * ack is seen (or wherever else). What was acked by then must be there in the next life.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as Y from 'yjs';
import { mono } from '../engine/clock.ts';
import { SET_ROOT } from '../history/shapes.ts';
import type { WatchedProcess } from '../processes.ts';
import type { Random } from '../random.ts';
import { Wire } from '../editors/wire.ts';

const WITNESS_FILE = 'syncline.json';
const ACK_TIMEOUT_MS = 20_000;

/** The log and the witness as they were when an ack was seen: power may go at any time from then on. */
export interface Durable {
  readonly log: string;
  readonly bytes: number;
  readonly witness: string;
}

export interface Written {
  readonly element: string;
  readonly invokedMono: number;
  ackedMono: number | null;
}

export interface WritingResult {
  readonly client: number;
  readonly written: readonly Written[];
  readonly atLastAck: Durable | null;
  /** From the ack's arrival to the signal, milliseconds; null: it died otherwise. */
  readonly ackToKillMs: number | null;
}

export interface WritingOptions {
  readonly url: string;
  readonly doc: string;
  readonly folder: string;
  readonly process: WatchedProcess;
  readonly random: Random;
  readonly nextElement: () => string;
  /** Acks to see before the kill. */
  readonly acks: number;
  /** Kill at the ack, or write on without waiting and kill a moment later. */
  readonly kill: 'at the ack' | 'after a burst' | 'by itself';
}

const BURST = 8;
const ACKS_BY_ITSELF_MAX = 60;
const BURST_MS_MAX = 6;

/** Resolves when the process is dead. */
export async function writeAndDie(options: WritingOptions): Promise<WritingResult> {
  const { url, doc: name, folder, process: node, random, nextElement, acks, kill } = options;
  const doc = new Y.Doc();
  const set = doc.getArray<string>(SET_ROOT);
  const written: Written[] = [];
  const bySeq = new Map<number, Written[]>();
  let atLastAck: Durable | null = null;
  let ackToKillMs: number | null = null;
  let seen = 0;
  let waiting: Written[] = [];

  const write = (wire: Wire): void => {
    const entry: Written = { element: nextElement(), invokedMono: mono(), ackedMono: null };
    written.push(entry);
    waiting.push(entry);
    set.push([entry.element]);
    bySeq.set(wire.requestAck(), waiting);
    waiting = [];
  };
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      wire.cut();
      reject(new Error(`no ack of ${name} in ${ACK_TIMEOUT_MS} ms`));
    }, ACK_TIMEOUT_MS);
    const die = async (): Promise<void> => {
      clearTimeout(timer);
      const dead = node.kill();
      wire.cut();
      await dead;
      resolve();
    };
    const wire: Wire = new Wire(`${url.replace(/^http/, 'ws')}/${name}`, doc, {
      onSynced: () => {
        write(wire);
      },
      onAck: (ackSeq) => {
        const arrivedMono = mono();
        for (const [seq, entries] of bySeq) {
          if (seq > ackSeq) continue;
          bySeq.delete(seq);
          for (const entry of entries) entry.ackedMono ??= arrivedMono;
          seen += 1;
        }
        // What should have killed it by itself did not come to pass: so be it.
        if (seen >= acks && (kill === 'at the ack' || seen >= ACKS_BY_ITSELF_MAX)) {
          // Synchronous up to the signal.
          void die();
          ackToKillMs = mono() - arrivedMono;
          return;
        }
        atLastAck = durable(folder);
        if (seen < acks || kill === 'by itself') write(wire);
        else if (seen === acks) {
          for (let count = 0; count < BURST; count += 1) write(wire);
          setTimeout(() => void die(), random.below(BURST_MS_MAX));
        }
      },
      onClosed: () => {
        void die();
      },
    });
  });
  const { clientID: client } = doc;
  doc.destroy();
  return { client, written, atLastAck, ackToKillMs };
}

function durable(folder: string): Durable | null {
  const log = newestLog(folder);
  try {
    const witness = readFileSync(join(folder, WITNESS_FILE), 'utf8');
    return log === null ? null : { log, bytes: statSync(join(folder, log)).size, witness };
  } catch {
    return null; // It is being replaced.
  }
}

export function newestLog(folder: string): string | null {
  const logs = readdirSync(folder).filter((name) => /^\d+\.log$/.test(name));
  return logs.toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).at(-1) ?? null;
}

export function restoreWitness(folder: string): string {
  return join(folder, WITNESS_FILE);
}

export interface ResendResult {
  readonly client: number;
  readonly written: readonly Written[];
}

const QUEUED_MS = 60;

/**
 * While one commit hangs, a second edit waits in memory for the next; its writer is cut off, comes back and sends both
 * again. They are redundant now, and the second is on no disk: an ack of it before the commit is a lie that a kill shows.
 */
export async function resendAndDie(
  options: Pick<WritingOptions, 'url' | 'doc' | 'process' | 'nextElement'>,
): Promise<ResendResult> {
  const { url, doc: name, process: node, nextElement } = options;
  const address = `${url.replace(/^http/, 'ws')}/${name}`;
  const doc = new Y.Doc();
  const set = doc.getArray<string>(SET_ROOT);
  const write = (): Written => {
    const entry: Written = { element: nextElement(), invokedMono: mono(), ackedMono: null };
    set.push([entry.element]);
    return entry;
  };
  const written = await new Promise<Written[]>((resolve) => {
    const edits: Written[] = [];
    const wire: Wire = new Wire(address, doc, {
      onSynced: () => {
        edits.push(write());
        setTimeout(() => {
          edits.push(write());
          setTimeout(() => {
            wire.cut();
            resolve(edits);
          }, QUEUED_MS);
        }, QUEUED_MS);
      },
      onAck: () => undefined,
      onClosed: () => {
        resolve(edits);
      },
    });
  });
  await new Promise<void>((resolve) => {
    const die = async (): Promise<void> => {
      clearTimeout(timer);
      const dead = node.kill();
      wire.cut();
      await dead;
      resolve();
    };
    const timer = setTimeout(() => void die(), ACK_TIMEOUT_MS);
    let asked = Infinity;
    const wire: Wire = new Wire(address, doc, {
      onSynced: () => {
        asked = wire.requestAck();
      },
      onAck: (ackSeq) => {
        if (ackSeq < asked) return;
        for (const entry of written) entry.ackedMono = mono();
        void die();
      },
      onClosed: () => {
        void die();
      },
    });
  });
  const { clientID: client } = doc;
  doc.destroy();
  return { client, written };
}
