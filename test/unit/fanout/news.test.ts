import { expect, it } from 'vitest';
import { News } from '../../../server/fanout/news.ts';
import { documentName } from '../../support/room-house.ts';
import { VirtualTimers } from '../../support/virtual-timers.ts';

const DOCUMENT = documentName('meeting');

it('[I2] what others have otherwise is spoken of, however long ago it changed, as long as they do', async () => {
  const timers = new VirtualTimers();
  const news = new News({ find: () => null, rooms: [] }, timers);
  const told = (): string[] => news.toTell(false).map(({ document }) => document);
  news.learned(DOCUMENT, new Uint8Array(16).fill(7));
  expect(told()).toEqual([]);
  news.disputed(DOCUMENT);
  expect(told()).toEqual([DOCUMENT]);
  await timers.advance(1_000);
  expect(told()).toEqual([DOCUMENT]);
  await timers.advance(2_000);
  expect(told()).toEqual([]);
});
