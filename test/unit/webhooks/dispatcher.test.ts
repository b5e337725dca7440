import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../server/webhooks/attempt.ts';
import { failed, WebhookHouse } from '../../support/webhook-house.ts';

const delivered: Outcome = { type: 'delivered' };
const whats = (told: readonly { what: string }[]): string[] => told.map(({ what }) => what);

async function opened(options: ConstructorParameters<typeof WebhookHouse>[0] = {}) {
  const house = new WebhookHouse(options);
  await house.open();
  await house.timers.advance(10);
  return house;
}

describe('the dispatcher', () => {
  it('tells what happened to a document in its order, and moves the cursor behind it', async () => {
    const house = await opened();
    await house.append('a');
    await house.timers.advance(500);
    await house.append('a');
    await house.timers.advance(500);
    void house.store.delete('a');
    await house.timers.advance(500);
    expect(whats(house.taken)).toEqual(['created a', 'changed a', 'deleted a']);
    expect(await house.store.changes.read(0, 10)).toEqual([]);
    expect(house.dispatcher.waiting).toBe(0);
    expect(house.log).toEqual([]);
  });

  it('collects the changes of one document, and does not let it wait for ever', async () => {
    const house = await opened({ debounceMs: 1000 });
    await house.append('a');
    await house.timers.advance(100);
    for (let turn = 0; turn < 30; turn++) {
      await house.append('a');
      await house.timers.advance(100);
    }
    // Three seconds of typing: told about once a second, not once a key, and not at the end.
    expect(whats(house.taken.slice(0, 2))).toEqual(['created a', 'changed a']);
    expect(house.taken.length).toBeGreaterThanOrEqual(3);
    expect(house.taken.length).toBeLessThanOrEqual(4);
    await house.timers.advance(2000);
    expect(house.taken.length).toBeLessThanOrEqual(5);
  });

  it('the cursor stays below what is not delivered, and other documents go on', async () => {
    const house = await opened();
    const answers: ((outcome: Outcome) => void)[] = [];
    house.answer = (event) =>
      event.document === 'slow' ? new Promise((resolve) => answers.push(resolve)) : delivered;
    await house.append('slow');
    await house.timers.advance(50);
    for (const name of ['a', 'b', 'c']) await house.append(name);
    await house.timers.advance(5000);
    expect(whats(house.taken).toSorted()).toEqual(['created a', 'created b', 'created c']);
    const [oldest] = await house.store.changes.read(0, 1);
    expect(oldest?.changes).toEqual([{ kind: 'created', name: 'slow' }]);
    expect(await house.cursor()).toBeLessThan(oldest?.position ?? 0);
    await house.append('slow');
    await house.timers.advance(5000);
    expect(whats(house.attempts.filter(({ what }) => what.includes('slow')))).toEqual([
      'created slow',
    ]);
    answers.shift()?.(delivered);
    await house.timers.advance(5000);
    answers.shift()?.(delivered);
    await house.timers.advance(5000);
    expect(whats(house.taken).slice(3)).toEqual(['created slow', 'changed slow']);
    expect(await house.store.changes.read(0, 10)).toEqual([]);
  });

  it('a failed event is tried again with growing pauses and the same id, then it is a dead letter', async () => {
    const house = await opened();
    house.answer = (event) => (event.document === 'bad' ? failed('status 500') : delivered);
    await house.append('bad');
    await house.append('good');
    await house.timers.advance(60_000);
    const attempts = house.attempts.filter(({ what }) => what === 'created bad');
    expect(new Set(attempts.map(({ id }) => id)).size).toBe(1);
    const pauses = attempts.slice(1).map(({ atMs }, index) => atMs - (attempts[index]?.atMs ?? 0));
    // random() is 0.5: three quarters of 1, 2 and 4 seconds.
    expect(pauses.map((ms) => Math.round(ms))).toEqual([750, 1500, 3000]);
    expect(whats(house.taken)).toEqual(['created good']);
    expect(house.buried).toMatchObject([{ document: 'bad', attempts: 4, reason: 'status 500' }]);
    expect(house.results).toEqual(['retried', 'delivered', 'retried', 'retried', 'dead']);
    expect(house.log).toEqual(['status 500', 'endpoint ok', 'status 500']);
    // The document goes on; the letter does not hold up the cursor.
    house.answer = () => delivered;
    await house.append('bad');
    await house.timers.advance(1000);
    expect(whats(house.taken)).toEqual(['created good', 'changed bad']);
    expect(await house.store.changes.read(0, 10)).toEqual([]);
  });

  it('what waits behind a failing event goes with it, as one event about the newest change', async () => {
    const house = await opened({ attemptsMax: 10 });
    await house.append('a');
    await house.timers.advance(500);
    house.answer = () => failed();
    for (let turn = 0; turn < 20; turn++) {
      await house.append('a');
      await house.timers.advance(300);
    }
    // Each failure made what was known then durable, so the log does not pile up behind it.
    expect((await house.store.changes.read(0, 100)).length).toBeLessThan(16);
    house.answer = () => delivered;
    await house.timers.advance(60_000);
    expect(whats(house.taken)).toEqual(['created a', 'changed a']);
    expect(await house.store.changes.read(0, 100)).toEqual([]);
    expect(await house.store.records.list({ space: 'webhook', document: null, limit: 9 })).toEqual([
      { id: 'cursor', value: expect.anything() as Uint8Array },
    ]);
  });

  it('an event that the receiver refuses for good is a dead letter at once', async () => {
    const house = await opened();
    house.answer = () => failed('status 422', { isPermanent: true });
    await house.append('a');
    await house.timers.advance(60_000);
    expect(house.attempts.length).toBe(1);
    expect(house.results).toEqual(['dead']);
    expect(house.dispatcher.deadLetters.count).toBe(1);
    // One event was refused; the endpoint works.
    expect(house.log).toEqual([]);
  });

  it('Retry-After makes everybody wait', async () => {
    const house = await opened();
    house.answer = () => failed('status 429', { retryAfterMs: 30_000 });
    await house.append('a');
    await house.timers.advance(1000);
    house.answer = () => delivered;
    await house.append('b');
    await house.timers.advance(28_000);
    expect(house.attempts.length).toBe(1);
    await house.timers.advance(5000);
    expect(whats(house.taken).toSorted()).toEqual(['created a', 'created b']);
    expect(house.taken.every(({ atMs }) => atMs >= 30_000)).toBe(true);
  });

  it('a deletion makes a change that was not told superfluous', async () => {
    const house = await opened({ debounceMs: 10_000 });
    await house.append('a');
    await house.timers.advance(500);
    await house.append('a');
    await house.timers.advance(500);
    const deletion = house.store.delete('a');
    await house.timers.advance(500);
    await deletion;
    await house.timers.advance(60_000);
    expect(whats(house.taken)).toEqual(['created a', 'deleted a']);
    expect(await house.store.changes.read(0, 10)).toEqual([]);
  });

  it('tells only of the kinds that are asked for', async () => {
    const house = await opened({ kinds: new Set(['deleted']) });
    for (const name of ['a', 'b']) await house.append(name);
    await house.timers.advance(500);
    await house.append('a');
    const deletion = house.store.delete('b');
    await house.timers.advance(5000);
    await deletion;
    expect(whats(house.taken)).toEqual(['deleted b']);
    expect(await house.store.changes.read(0, 10)).toEqual([]);
  });

  it('[I5] a disk that takes no writes neither stops deliveries nor loses what failed meanwhile', async () => {
    const house = await opened({ attemptsMax: 1000 }); // it goes on failing for a minute
    house.answer = (event) => (event.document === 'bad' ? failed() : delivered);
    for (const name of ['a', 'bad', 'b']) await house.append(name);
    await house.timers.advance(20);
    house.store.failWrites();
    await house.append('late');
    await house.timers.advance(60_000);
    expect(house.store.status).toBe('degraded');
    expect(whats(house.taken).toSorted()).toEqual(['created a', 'created b']);
    house.store.recover();
    house.answer = () => delivered;
    await house.timers.advance(60_000);
    expect(whats(house.taken).toSorted()).toEqual([
      'created a',
      'created b',
      'created bad',
      'created late',
    ]);
    expect(await house.store.changes.read(0, 10)).toEqual([]);
    expect(house.log.filter((line) => line.includes('Error'))).toEqual([]);
  });

  it('[I5] what has failed is told as soon as the receiver is back, also while the disk takes no record of it', async () => {
    const house = await opened({ attemptsMax: 10 });
    house.answer = () => failed();
    const names = Array.from({ length: 20 }, (_, index) => `d${index}`);
    for (const name of names) await house.append(name);
    await house.timers.advance(20); // durable, and not yet read
    expect(house.attempts).toEqual([]);
    house.store.failWrites();
    await house.timers.advance(30_000);
    expect(house.store.status).toBe('degraded');
    // All of them, again and again: those whose record is still to be written are in nobody's way.
    for (const name of names) {
      const attempts = house.attempts.filter(({ what }) => what === `created ${name}`);
      expect(attempts.length).toBeGreaterThan(3);
    }
    house.answer = () => delivered;
    await house.timers.advance(60_000);
    expect(house.store.status).toBe('degraded');
    expect(whats(house.taken)).toHaveLength(20);
    expect(new Set(whats(house.taken)).size).toBe(20);
    house.store.recover();
    await house.timers.advance(1000);
    expect(await house.store.changes.read(0, 10)).toEqual([]);
    expect(await house.store.records.list({ space: 'webhook', document: null, limit: 9 })).toEqual([
      { id: 'cursor', value: expect.anything() as Uint8Array },
    ]);
    expect(house.log.filter((line) => line.includes('Error'))).toEqual([]);
  });

  it('[I5] what is refused for good while the disk takes no letter holds up its own document only', async () => {
    const house = await opened();
    house.answer = (event) => {
      return event.document.startsWith('bad') ? failed('422', { isPermanent: true }) : delivered;
    };
    for (let index = 0; index < 20; index++) await house.append(`bad${index}`);
    for (let index = 0; index < 20; index++) await house.append(`good${index}`);
    await house.timers.advance(20);
    house.store.failWrites();
    await house.timers.advance(5000);
    expect(house.taken).toHaveLength(20);
    expect(house.buried).toEqual([]);
    house.store.recover();
    await house.timers.advance(5000);
    expect(house.buried).toHaveLength(20);
    expect(house.attempts).toHaveLength(40);
    expect(house.dispatcher.deadLetters.count).toBe(20);
  });

  it('[I1] what comes for a document whose retry is still to be written is not lost with it', async () => {
    const house = await opened({ attemptsMax: 1000 });
    house.answer = () => failed();
    await house.append('a');
    await house.append('b');
    await house.timers.advance(20);
    house.store.failWrites();
    await house.timers.advance(5000);
    house.store.recover();
    await house.append('a');
    await house.append('a');
    await house.timers.advance(300);
    await house.crash(() => 1);
    house.answer = () => delivered;
    await house.timers.advance(60_000);
    expect(whats(house.taken)).toEqual(expect.arrayContaining(['changed a', 'created b']));
    expect(await house.store.changes.read(0, 10)).toEqual([]);
  });

  it('[I1] the record of what is delivered goes, not the one of what fails next', async () => {
    const house = await opened({ attemptsMax: 1000, debounceMs: 1 });
    await house.append('a');
    await house.timers.advance(1000);
    house.answer = () => failed();
    await house.append('a');
    await house.timers.advance(100);
    house.answer = () => delivered;
    const before = house.taken.length;
    while (house.taken.length === before) await house.timers.advance(1);
    // The record of what was delivered just now is not yet removed; the next has the same name.
    house.answer = () => failed();
    await house.append('a');
    await house.timers.advance(500);
    await house.crash(() => 1);
    house.answer = () => delivered;
    await house.timers.advance(60_000);
    expect(whats(house.taken)).toEqual(['created a', 'changed a', 'changed a']);
    expect(await house.store.changes.read(0, 10)).toEqual([]);
    expect(await house.store.records.list({ space: 'webhook', document: null, limit: 9 })).toEqual([
      { id: 'cursor', value: expect.anything() as Uint8Array },
    ]);
  });

  it('[I6] keeps a thousand documents in memory, and leaves the rest in the log', async () => {
    const house = await opened();
    house.answer = () => failed();
    for (let index = 0; index < 1500; index++) await house.append(`d${index}`);
    await house.timers.advance(3000);
    expect(house.dispatcher.waiting).toBeLessThan(1000 + 512 + 1);
    house.answer = () => delivered;
    await house.timers.advance(60_000);
    expect(new Set(whats(house.taken)).size).toBe(1500);
    expect(await house.store.changes.read(0, 10)).toEqual([]);
  });

  it('[I6] never more than eight requests at once', async () => {
    const house = await opened();
    let running = 0;
    let most = 0;
    house.answer = async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => {
        house.timers.setTimeout(() => resolve(), 20);
      });
      running--;
      return delivered;
    };
    for (let index = 0; index < 100; index++) await house.append(`d${index}`);
    await house.timers.advance(5000);
    expect(house.taken.length).toBe(100);
    expect(most).toBe(8);
  });
});

async function withDeadLetters(count: number, deadLettersMax = 100) {
  const house = await opened({ attemptsMax: 1, deadLettersMax });
  house.answer = () => failed('status 503');
  for (let index = 0; index < count; index++) {
    await house.append(`d${index}`);
    await house.timers.advance(200);
  }
  return house;
}

describe('dead letters', () => {
  it('are listed in order of age, a page at a time', async () => {
    const house = await withDeadLetters(5);
    const { deadLetters } = house.dispatcher;
    const first = await deadLetters.list(null, 3);
    const rest = await deadLetters.list(first.at(-1)?.id ?? '', 3);
    const names = [...first, ...rest].map(({ letter }) => letter?.document);
    expect(names).toEqual(['d0', 'd1', 'd2', 'd3', 'd4']);
    expect(first[0]?.letter).toMatchObject({ kind: 'created', attempts: 1, reason: 'status 503' });
    expect(first[0]?.id).toBe(house.attempts[0]?.id);
  });

  it('are sent again on request, with the same id, and are then gone', async () => {
    const house = await withDeadLetters(2);
    const { deadLetters } = house.dispatcher;
    const [first] = await deadLetters.list(null, 9);
    const id = first?.id ?? '';
    house.answer = () => delivered;
    const retry = deadLetters.retry(id);
    await house.timers.advance(1000);
    expect(await retry).toBe(true);
    expect(house.taken.map((told) => told.id)).toEqual([id]);
    expect(deadLetters.count).toBe(1);
    expect((await deadLetters.list(null, 9)).length).toBe(1);
    expect(await deadLetters.retry(id)).toBe(false);
  });

  it('[I1] are not lost when they are sent again just as a newer event about the document was delivered', async () => {
    const house = await opened({ attemptsMax: 2, debounceMs: 1 });
    await house.append('a');
    await house.timers.advance(1000);
    house.answer = () => failed();
    await house.append('a');
    await house.timers.advance(5000);
    expect(house.dispatcher.deadLetters.count).toBe(1);
    // The next one fails once, and is delivered: its record is still to be removed.
    await house.append('a');
    await house.timers.advance(100);
    house.answer = () => delivered;
    const before = house.taken.length;
    while (house.taken.length === before) await house.timers.advance(1);
    house.answer = () => new Promise(() => undefined); // nobody knows before the crash
    const [letter] = await house.dispatcher.deadLetters.list(null, 1);
    const retried = house.dispatcher.deadLetters.retry(letter?.id ?? '');
    await house.timers.advance(500);
    expect(await retried).toBe(true);
    await house.crash(() => 1);
    house.answer = () => delivered;
    await house.timers.advance(60_000);
    expect(whats(house.taken)).toEqual(['created a', 'changed a', 'changed a']);
  });

  it('are thrown away on request', async () => {
    const house = await withDeadLetters(2);
    const { deadLetters } = house.dispatcher;
    const [first] = await deadLetters.list(null, 9);
    const discard = deadLetters.discard(first?.id ?? '');
    await house.timers.advance(100);
    expect(await discard).toBe(true);
    expect(await deadLetters.discard(first?.id ?? '')).toBe(false);
    expect(deadLetters.count).toBe(1);
    house.answer = () => delivered;
    await house.timers.advance(100_000);
    expect(house.taken).toEqual([]);
  });

  it('[I6] when there are too many, events go on being retried: nothing is lost, nothing grows', async () => {
    const house = await withDeadLetters(5, 3);
    expect(house.dispatcher.deadLetters.count).toBe(3);
    expect(house.dispatcher.waiting).toBe(2);
    house.answer = () => delivered;
    await house.timers.advance(3_600_000);
    expect(whats(house.taken).toSorted()).toEqual(['created d3', 'created d4']);
  });
});
