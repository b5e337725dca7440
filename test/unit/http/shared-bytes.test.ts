import { EventEmitter } from 'node:events';
import type { Response } from 'express';
import { describe, expect, it } from 'vitest';
import { SharedBytes } from '../../../server/http/shared-bytes.ts';

function reader(): Response {
  return new EventEmitter() as unknown as Response;
}

const bytes = (length: number) => (): Promise<Uint8Array> =>
  Promise.resolve(new Uint8Array(length));

describe('bytes that are being sent', () => {
  it('[I6] are bounded all together, until their readers have gone', async () => {
    const shared = new SharedBytes(100);
    const [first, second] = [reader(), reader()];
    await shared.get('a', 60, first, bytes(60));
    await expect(shared.get('b', 60, second, bytes(60))).rejects.toMatchObject({
      code: 'overloaded',
    });
    first.emit('close');
    expect(await shared.get('b', 60, second, bytes(60))).toHaveLength(60);
  });

  it('are loaded once for all who read them', async () => {
    const shared = new SharedBytes(100);
    let loads = 0;
    const load = async (): Promise<Uint8Array> => {
      loads += 1;
      return await bytes(60)();
    };
    const readers = Array.from({ length: 5 }, reader);
    await Promise.all(readers.map((response) => shared.get('a', 60, response, load)));
    expect(loads).toBe(1);
    for (const response of readers) response.emit('close');
    await shared.get('a', 60, reader(), load);
    expect(loads).toBe(2);
  });

  it('one answer is possible, however large', async () => {
    const shared = new SharedBytes(10);
    expect(await shared.get('a', 60, reader(), bytes(60))).toHaveLength(60);
  });
});
