import { describe, expect, it } from 'vitest';
import { catchUp, type CatchUpSource } from '../../../server/rooms/catch-up.ts';
import type { Frame, Outlet, Wire } from '../../../server/rooms/outlet.ts';
import { Tail } from '../../../server/rooms/tail.ts';
import { Version } from '../../../server/rooms/updates/version.ts';

const wire: Wire = {
  syncStep1: (bytes) => [bytes],
  syncStep2: (bytes) => [bytes],
  update: (bytes) => [bytes],
  presence: (bytes) => [bytes],
  ack: () => null,
  keepAlive: () => [],
};

/** A connection whose buffer never drains; it can be closed. */
class StuckOutlet implements Outlet {
  readonly wire = wire;
  readonly sent: Frame[] = [];
  bufferedBytes = 0;
  isClosed = false;
  waiting: (() => void)[] = [];
  send(frame: Frame): void {
    this.sent.push(frame);
    this.bufferedBytes += 10_000_000;
  }
  onDrain(callback: () => void): void {
    if (this.isClosed) setImmediate(callback);
    else this.waiting.push(callback);
  }
  setReading(): void {}
  close(): void {
    this.isClosed = true;
    for (const callback of this.waiting.splice(0)) callback();
  }
}

describe('catchUp', () => {
  it('[I6] ends when its connection closes with a full buffer, instead of asking for ever', async () => {
    const tail = new Tail(-1);
    for (let seq = 0; seq < 3; seq += 1) tail.append(new Uint8Array(200_000), seq, seq);
    const source: CatchUpSource = {
      base: null,
      head: new Version(),
      flushedSeq: 2,
      epoch: 'e',
      tailSince: (seq) => tail.since(seq),
      loadBase: () => Promise.reject(new Error('there is none')),
      diffBase: () => Promise.reject(new Error('there is none')),
    };
    const outlet = new StuckOutlet();
    const done = catchUp(
      source,
      outlet,
      { kind: 'join', stateVector: Uint8Array.of(0), clocks: new Map() },
      {
        sendBufferBytes: 1_000_000,
        isCancelled: () => outlet.isClosed,
        onLive: () => {
          throw new Error('it was never caught up');
        },
      },
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(outlet.sent).toHaveLength(1);
    outlet.close();
    await done;
    expect(outlet.sent).toHaveLength(1);
  });
});
