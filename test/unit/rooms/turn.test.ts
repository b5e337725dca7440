import { describe, expect, it } from 'vitest';
import { afterReads, atEndOfTurn } from '../../../server/rooms/turn.ts';

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe('a turn', () => {
  it('ends behind all flushes, also those that were queued after the end', async () => {
    const order: string[] = [];
    afterReads(() => {
      order.push('flush one');
      atEndOfTurn(() => order.push('end'));
    });
    atEndOfTurn(() => order.push('end that was queued before'));
    afterReads(() => order.push('flush two'));
    await nextTurn();
    expect(order).toEqual(['flush one', 'flush two', 'end that was queued before', 'end']);
  });

  it('leaves what a flush asks for to the next turn, so that sockets are read in between', async () => {
    const order: string[] = [];
    afterReads(() => {
      order.push('one');
      afterReads(() => order.push('three'));
    });
    setImmediate(() => order.push('two'));
    await nextTurn();
    expect(order).toEqual(['one', 'two']);
    await nextTurn();
    expect(order).toEqual(['one', 'two', 'three']);
  });

  it('goes on behind what throws', async () => {
    const order: string[] = [];
    const uncaught = new Promise<unknown>((resolve) => {
      const others = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.once('uncaughtException', (error) => {
        for (const other of others) process.on('uncaughtException', other);
        resolve(error);
      });
    });
    const failure = new Error('a flush failed');
    afterReads(() => {
      throw failure;
    });
    afterReads(() => order.push('the next flush'));
    atEndOfTurn(() => order.push('end'));
    expect(await uncaught).toBe(failure);
    await nextTurn();
    await nextTurn();
    expect(order.toSorted()).toEqual(['end', 'the next flush']);
  });
});
