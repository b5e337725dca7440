/** [I6] What other nodes send waits in bounded memory, however small its parts are and whatever holds it up. */
import { describe, expect, it } from 'vitest';
import { ARRIVAL_BYTES, Inbox, type Arrival, type Outcome } from '../../../server/fanout/inbox.ts';
import type { FanoutScene } from '../../../server/fanout/part.ts';
import { FanoutStats } from '../../../server/fanout/stats.ts';
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import type { Offer } from '../../../server/rooms/admission.ts';
import { VirtualTimers } from '../../support/virtual-timers.ts';

const MIB = 1024 * 1024;
const TOTAL_BYTES_MAX = 64 * MIB;

/** A node whose documents open when the test says so; `offer` is what a room answers. */
function house(offer: (update: Uint8Array) => Offer = () => ({ kind: 'accepted' })) {
  const timers = new VirtualTimers();
  const stats = new FanoutStats();
  const opening: (() => void)[] = [];
  const room = { offer, context: {}, exists: true, isDisposed: false, appliedSeq: 0 };
  const scene = {
    timers,
    isFull: true,
    tells: () => false,
    isStored: () => false,
    report: () => undefined,
    store: { isFull: false, stat: () => Promise.resolve(null) },
    registry: {
      find: () => null,
      visit: () =>
        new Promise((resolve) => {
          opening.push(() => {
            resolve({ room, release: () => undefined });
          });
        }),
    },
  } as unknown as FanoutScene;
  const inbox = new Inbox(scene, stats);
  const outcomes: Outcome[] = [];
  const put = (document: string, update: Uint8Array): void => {
    const arrival: Arrival = {
      document: document as DocumentName,
      update,
      origin: 'a',
      onSettled: (outcome) => outcomes.push(outcome),
    };
    inbox.put(arrival);
  };
  const open = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn += 1) {
      for (const end of opening.splice(0)) end();
      await timers.advance(10);
    }
  };
  return { inbox, stats, put, open, outcomes, timers };
}

describe('updates that wait for a document to open', () => {
  it('of one document are bounded, and the rest is told as dropped', () => {
    const { inbox, stats, put, outcomes } = house();
    for (let at = 0; at < 20_000; at += 1) put('notes', Uint8Array.of(1, 2, 3));
    expect(inbox.bytes).toBeLessThanOrEqual(4 * MIB);
    expect(inbox.bytes).toBeGreaterThan(3.9 * MIB);
    expect(stats.dropped['inbox-full']).toBe(
      20_000 - Math.floor(inbox.bytes / (ARRIVAL_BYTES + 3)),
    );
    expect(new Set(outcomes)).toEqual(new Set(['dropped']));
  });

  it('of many documents are bounded together, small as they are', () => {
    const { inbox, stats, put } = house();
    for (let at = 0; at < 300_000; at += 1) put(`d${at % 500}`, Uint8Array.of(1, 2, 3));
    expect(inbox.bytes).toBeLessThanOrEqual(TOTAL_BYTES_MAX);
    expect(stats.dropped['inbox-full']).toBeGreaterThan(150_000);
  });

  it('give their place back when they are taken, or when the node leaves', async () => {
    const { inbox, put, open, outcomes } = house();
    for (let at = 0; at < 100; at += 1) put(`d${at % 10}`, Uint8Array.of(1, 2, 3));
    await open();
    expect(outcomes).toEqual(Array.from({ length: 100 }, () => 'accepted'));
    expect(inbox.bytes).toBe(0);
    for (let at = 0; at < 100; at += 1) put(`e${at % 10}`, Uint8Array.of(1, 2, 3));
    inbox.close();
    expect(inbox.bytes).toBe(0);
  });

  it('do not hold the larger buffer that they came in', async () => {
    const seen: Uint8Array[] = [];
    const { put, open } = house((update) => {
      seen.push(update);
      return { kind: 'accepted' };
    });
    put('notes', new Uint8Array(64 * 1024).subarray(0, 3));
    await open();
    expect(seen.map(({ buffer }) => buffer.byteLength)).toEqual([3]);
  });
});

describe('updates that build on something missing', () => {
  it('are parked in bounded memory, of all documents together, and forgotten when nothing comes', async () => {
    const { inbox, stats, put, open, timers } = house(() => ({ kind: 'gap' }));
    const large = new Uint8Array(512 * 1024);
    for (let at = 0; at < 60; at += 1) {
      put(`d${at}`, large);
      await open();
    }
    expect(inbox.bytes).toBeLessThanOrEqual(16 * MIB);
    expect(inbox.bytes).toBeGreaterThan(15 * MIB);
    expect(stats.dropped.early).toBeGreaterThan(25);
    await timers.advance(3_000);
    inbox.tick();
    expect(inbox.bytes).toBe(0);
  });
});
