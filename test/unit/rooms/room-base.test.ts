import { expect, it } from 'vitest';
import { StoreError, type BaseInfo } from '../../../persistence/store.ts';
import { LoadedBase } from '../../../server/rooms/base-cache.ts';
import type { RoomContext } from '../../../server/rooms/context.ts';
import { RoomBase } from '../../../server/rooms/room-base.ts';
import { documentName } from '../../support/room-house.ts';

const NAME = documentName('notes');
const CONTENT = new LoadedBase([Uint8Array.of(1)]);
const info = (generation: number): BaseInfo => ({ generation }) as unknown as BaseInfo;

/** A base whose store knows one generation only. */
function baseOf(options: {
  readonly stored: () => number;
  readonly compaction: () => Promise<void> | null;
  readonly onRead?: () => void;
}): RoomBase {
  const get = (name: string, generation: number): Promise<LoadedBase> => {
    options.onRead?.();
    if (generation === options.stored()) return Promise.resolve(CONTENT);
    return Promise.reject(new StoreError('stale-generation', `${name}: ${generation}`));
  };
  const context = { bases: { get } } as unknown as RoomContext;
  return new RoomBase(NAME, context, info(1), options.compaction);
}

it('a base that is replaced while it is read is read again: the compaction is awaited', async () => {
  const compaction = Promise.resolve().then(() => {
    base.replace(info(2));
  });
  const base: RoomBase = baseOf({ stored: () => 2, compaction: () => compaction });
  expect(await base.load()).toBe(CONTENT);
});

it('also when the compaction has ended before the read has failed', async () => {
  const base: RoomBase = baseOf({
    stored: () => 2,
    compaction: () => null,
    onRead: () => {
      base.replace(info(2));
    },
  });
  expect(await base.load()).toBe(CONTENT);
});

it('one that nothing has replaced, and is not there, is an error', async () => {
  const base = baseOf({ stored: () => 2, compaction: () => null });
  await expect(base.load()).rejects.toMatchObject({ code: 'stale-generation' });
});
