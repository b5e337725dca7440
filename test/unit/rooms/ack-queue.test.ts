import { describe, expect, it } from 'vitest';
import { AckQueue } from '../../../server/rooms/ack-queue.ts';

const payload = (version: number): Uint8Array => Uint8Array.of(version);

function ready(): AckQueue {
  const queue = new AckQueue();
  queue.release(-1);
  return queue;
}

describe('AckQueue', () => {
  it('[I1] gives no ack before the seq that it waits for is durable', () => {
    const queue = ready();
    queue.request(payload(1), 7);
    expect(queue.takeDurable(6)).toBeNull();
    expect(queue.takeDurable(7)).toEqual(payload(1));
    expect(queue.takeDurable(8)).toBeNull();
    expect(queue.isWaiting).toBe(false);
  });

  it('[I1] holds the first request until the SyncStep2 has been applied', () => {
    const queue = new AckQueue();
    queue.request(payload(1), 3);
    expect(queue.takeDurable(100)).toBeNull();
    queue.release(9);
    expect(queue.takeDurable(8)).toBeNull();
    expect(queue.takeDurable(9)).toEqual(payload(1));
  });

  it('answers with the newest payload that is covered', () => {
    const queue = ready();
    queue.request(payload(1), 1);
    queue.request(payload(2), 2);
    queue.request(payload(3), 3);
    expect(queue.takeDurable(2)).toEqual(payload(2));
    expect(queue.lastDurable).toEqual(payload(2));
    expect(queue.takeDurable(3)).toEqual(payload(3));
  });

  it('knows when the oldest request was made that an ack answers, held and merged ones included', () => {
    const queue = new AckQueue();
    queue.request(payload(1), 1, -1, 10);
    queue.request(payload(2), 1, -1, 20);
    queue.release(1);
    queue.request(payload(3), 1, -1, 30);
    queue.request(payload(4), 2, -1, 40);
    expect(queue.takeDurable(1)).toEqual(payload(3));
    expect(queue.askedMs).toBe(10);
    expect(queue.takeDurable(2)).toEqual(payload(4));
    expect(queue.askedMs).toBe(40);
  });

  it('[I6] stays bounded, and never acks earlier for it', () => {
    const queue = ready();
    for (let seq = 0; seq < 10_000; seq += 1) queue.request(payload(seq % 200), seq);
    expect(queue.takeDurable(254)).toEqual(payload(54));
    expect(queue.takeDurable(9_998)).toBeNull();
    expect(queue.takeDurable(9_999)).toEqual(payload(9_999 % 200));
  });

  it('holds again after a gap, and keeps what was already waiting', () => {
    const queue = ready();
    queue.request(payload(1), 1);
    queue.hold();
    queue.request(payload(2), 2);
    expect(queue.takeDurable(5)).toEqual(payload(1));
    expect(queue.isWaiting).toBe(true);
    queue.release(6);
    expect(queue.takeDurable(6)).toEqual(payload(2));
  });
});
