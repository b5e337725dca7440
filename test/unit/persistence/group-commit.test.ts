import { describe, expect, it } from 'vitest';
import {
  GroupCommit,
  type Batch,
  type GroupCommitOptions,
} from '../../../persistence/group-commit.ts';
import { waitUntil } from '../../support/wait-until.ts';

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

/** A committer on a disk that answers when told to, and a clock that goes when told to. */
class Bench {
  readonly written: Batch[] = [];
  readonly halts: unknown[] = [];
  readonly fulls: boolean[] = [];
  readonly stalls: number[] = [];
  readonly timers = new Set<Timer>();
  readonly committer: GroupCommit;
  nowMs = 1_000;
  #answer: { resolve: () => void; reject: (error: Error) => void } | null = null;

  constructor(options: Partial<GroupCommitOptions> = {}) {
    this.committer = new GroupCommit({
      write: (batch) => {
        if (this.#answer !== null) throw new Error('two batches in flight');
        this.written.push(batch);
        return new Promise((resolve, reject) => {
          this.#answer = { resolve, reject };
        });
      },
      seal: (batch) => {
        batch.put(Buffer.from('sealed'), Buffer.from(String(this.written.length)));
      },
      onHalt: (error) => this.halts.push(error),
      onCommit: () => undefined,
      onStall: (ms) => this.stalls.push(ms),
      onFull: (isFull) => this.fulls.push(isFull),
      clock: {
        now: () => this.nowMs,
        setTimeout: (run, ms) => {
          const timer = { atMs: this.nowMs + ms, run };
          this.timers.add(timer);
          return timer;
        },
        clearTimeout: (timer) => this.timers.delete(timer as Timer),
        setImmediate: (run) => {
          setImmediate(run);
        },
      },
      commitIntervalMs: 0,
      batchBytesMax: 10_000,
      batchRecordsMax: 5,
      queueBytesMax: 20_000,
      ...options,
    });
  }

  put(value: string, bytes: number = 10): Promise<void> {
    const batch = this.committer.reserve(1, bytes);
    batch.put(Buffer.from(value), Buffer.from(value));
    return batch.durable;
  }

  async started(count: number): Promise<void> {
    await waitUntil(`${count} batches`, () => this.written.length >= count);
  }

  answer(error?: Error): void {
    const answer = this.#answer;
    this.#answer = null;
    if (error === undefined) answer?.resolve();
    else answer?.reject(error);
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (const timer of Array.from(this.timers)) {
      if (timer.atMs > this.nowMs) continue;
      this.timers.delete(timer);
      timer.run();
    }
  }
}

const keysOf = (batch: Batch | undefined): string[] => (batch?.keys ?? []).map(String);

describe('group commit', () => {
  it('[I1] what arrives while a batch is in flight goes into the next, up to its limits', async () => {
    const bench = new Bench();
    const first = bench.put('a');
    await bench.started(1);
    const rest = ['b', 'c', 'd', 'e', 'f', 'g'].map((value) => bench.put(value));
    await new Promise((resolve) => setImmediate(resolve));
    expect(bench.written.length).toBe(1);
    expect(keysOf(bench.written[0])).toEqual(['a', 'sealed']);
    bench.answer();
    await first;
    await bench.started(2);
    expect(keysOf(bench.written[1])).toEqual(['b', 'c', 'd', 'e', 'f', 'sealed']);
    bench.answer();
    await rest[0];
    await bench.started(3);
    expect(keysOf(bench.written[2])).toEqual(['g', 'sealed']);
    bench.answer();
    await Promise.all(rest);
    expect(bench.committer.bytes).toBe(0);
    expect(bench.committer.records).toBe(0);
  });

  it('a record above the batch limit gets a batch of its own; a group is never split', async () => {
    const bench = new Bench();
    void bench.put('small');
    void bench.put('huge', 50_000);
    void bench.committer.write(
      ['1', '2', '3', '4'].map((key) => [Buffer.from(key), null] as const),
    );
    void bench.committer.write(['5', '6'].map((key) => [Buffer.from(key), null] as const));
    for (let count = 1; count <= 4; count++) {
      await bench.started(count);
      bench.answer();
    }
    await bench.committer.whenIdle();
    expect(bench.written.map(keysOf)).toEqual([
      ['small', 'sealed'],
      ['huge', 'sealed'],
      ['1', '2', '3', '4', 'sealed'],
      ['5', '6', 'sealed'],
    ]);
  });

  it('[I5] after an error nothing is written or acked until resume; then the same batch comes first', async () => {
    const bench = new Bench();
    const order: string[] = [];
    void bench.put('a').then(() => order.push('a'));
    await bench.started(1);
    void bench.put('b').then(() => order.push('b'));
    bench.answer(new Error('no space'));
    await waitUntil('the halt', () => bench.halts.length === 1);
    void bench.put('c').then(() => order.push('c'));
    bench.advance(100_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(bench.written.length).toBe(1);
    expect(order).toEqual([]);
    bench.committer.resume();
    await bench.started(2);
    expect(bench.written[1]).toBe(bench.written[0]);
    expect(keysOf(bench.written[1])).toEqual(['a', 'sealed']); // sealed once only
    bench.answer();
    await bench.started(3);
    expect(keysOf(bench.written[2])).toEqual(['b', 'c', 'sealed']);
    bench.answer();
    await bench.committer.whenIdle();
    expect(order).toEqual(['a', 'b', 'c']);
  });

  it('commits are paced under load, and the first after a pause starts at once', async () => {
    const bench = new Bench({ commitIntervalMs: 5 });
    void bench.put('a');
    await bench.started(1);
    void bench.put('b');
    bench.advance(1);
    bench.answer();
    await waitUntil('the pacing', () => [...bench.timers].some((timer) => timer.atMs < 2_000));
    expect(bench.written.length).toBe(1);
    bench.advance(4);
    await bench.started(2);
    bench.answer();
    await bench.committer.whenIdle();
    bench.advance(5);
    void bench.put('c');
    await bench.started(3); // without the clock going on
    bench.answer();
    await bench.committer.whenIdle();
    bench.nowMs -= 3_600_000; // the clock is set back: nobody waits for an hour
    void bench.put('d');
    await bench.started(4);
    bench.answer();
  });

  it('[I6] is full above its limit, and again ready at half of it', async () => {
    const bench = new Bench({ batchRecordsMax: 1 });
    for (let count = 0; count < 5; count++) void bench.put(String(count), 5_000);
    expect(bench.fulls).toEqual([true]);
    for (let count = 1; count <= 5; count++) {
      await bench.started(count);
      bench.answer();
      await bench.written[count - 1]?.durable;
      expect(bench.committer.isFull).toBe(count < 4);
    }
    expect(bench.fulls).toEqual([true, false]);
  });

  it('[I5] a write that hangs is told after ten seconds, and every ten seconds', async () => {
    const bench = new Bench();
    void bench.put('a');
    await bench.started(1);
    bench.advance(9_999);
    expect(bench.stalls).toEqual([]);
    bench.advance(1);
    bench.advance(10_000);
    expect(bench.stalls).toEqual([10_000, 20_000]);
    bench.answer();
    await bench.committer.whenIdle();
  });

  it('only abandon rejects, and everything that was not durable', async () => {
    const bench = new Bench();
    const waits = ['a', 'b'].map((value) => bench.put(value));
    await bench.started(1);
    waits.push(bench.put('c'));
    bench.committer.abandon(new Error('closed'));
    const results = await Promise.allSettled(waits);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected']);
    bench.answer(); // too late
    await bench.committer.whenIdle();
  });
});
