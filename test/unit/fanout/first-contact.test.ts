/** What a room that opens waits for while nobody else is known: the first one to be heard, or the end of its patience. */
import { beforeEach, describe, expect, it } from 'vitest';
import { FirstContact } from '../../../server/fanout/first-contact.ts';
import { VirtualTimers } from '../../support/virtual-timers.ts';

let timers: VirtualTimers;
let contact: FirstContact;

beforeEach(async () => {
  timers = new VirtualTimers();
  contact = new FirstContact(timers);
  await timers.advance(60_000);
  contact.start();
});

describe('the first contact', () => {
  it('is expected for three seconds after the start, not after the process began', async () => {
    await timers.advance(2_999);
    expect(contact.isExpected).toBe(true);
    await timers.advance(1);
    expect(contact.isExpected).toBe(false);
  });

  it('lets everybody go on who waits, with what is left of their time', async () => {
    const first = contact.within(500);
    await timers.advance(100);
    const second = contact.within(500);
    await timers.advance(100);
    contact.end();
    expect(await Promise.all([first, second])).toEqual([300, 400]);
    expect(timers.pendingCount).toBe(0);
  });

  it('is waited for no longer than that if nobody is heard', async () => {
    const waiting = contact.within(500);
    await timers.advance(500);
    expect(await waiting).toBe(0);
    contact.end();
    expect(timers.pendingCount).toBe(0);
  });
});
