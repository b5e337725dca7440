import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as Y from 'yjs';
import { Outbox } from '../../../client/outbox.ts';

/** A server in a function: answers each POST when and how the test says. */
class Desk {
  readonly doc: Y.Doc = new Y.Doc();
  readonly bodies: Uint8Array[] = [];
  readonly durable: number[] = [];
  refused: string | null = null;
  answers: ((body: Uint8Array) => Response | Error)[] = [];
  isHolding = false;
  readonly #held: (() => void)[] = [];
  readonly outbox: Outbox;

  constructor(source: Y.Doc) {
    this.outbox = new Outbox({
      post: (body) => this.#post(body),
      updateSince: (vector) => Y.encodeStateAsUpdate(source, Buffer.from(vector, 'base64url')),
      onDurable: ([version = -1]) => this.durable.push(version),
      onRefused: (code, reason) => {
        this.refused = `${code} ${reason}`;
      },
    });
  }

  release(): void {
    this.isHolding = false;
    for (const release of this.#held.splice(0)) release();
  }

  async #post(body: Uint8Array): Promise<Response> {
    this.bodies.push(body);
    if (this.isHolding) {
      await new Promise<void>((resolve) => {
        this.#held.push(resolve);
      });
    }
    const answer = this.answers.shift()?.(body) ?? ok(this.doc, body);
    if (answer instanceof Error) throw answer;
    return answer;
  }
}

function ok(doc: Y.Doc, body: Uint8Array): Response {
  Y.applyUpdate(doc, body);
  return new Response('{}');
}

function problem(status: number, code: string, more: object = {}, headers: object = {}): Response {
  return new Response(JSON.stringify({ code, status, ...more }), {
    status,
    headers: { 'Content-Type': 'application/problem+json', ...headers },
  });
}

let source: Y.Doc;
let desk: Desk;

beforeEach(() => {
  vi.useFakeTimers();
  source = new Y.Doc();
  desk = new Desk(source);
  source.on('update', (update: Uint8Array) => desk.outbox.add(update));
});

afterEach(() => {
  vi.useRealTimers();
});

const type = (text: string): void => source.getText('text').insert(0, text);
const arrived = (): string => desk.doc.getText('text').toJSON();

describe('Outbox', () => {
  it('[I1] answers a request when everything before it was answered, and not before', async () => {
    desk.isHolding = true;
    type('a');
    desk.outbox.request(Uint8Array.of(1));
    await vi.advanceTimersByTimeAsync(1000);
    expect(desk.durable).toEqual([]);
    type('b');
    desk.outbox.request(Uint8Array.of(2));
    desk.release();
    desk.isHolding = true;
    await vi.advanceTimersByTimeAsync(0);
    expect(desk.durable).toEqual([1]);
    desk.release();
    await vi.advanceTimersByTimeAsync(100);
    expect(desk.durable).toEqual([1, 2]);
  });

  it('answers when nothing was put in before, but not in the same breath', async () => {
    desk.outbox.request(Uint8Array.of(7));
    expect(desk.durable).toEqual([]);
    await vi.advanceTimersByTimeAsync(0);
    expect(desk.durable).toEqual([7]);
  });

  it('has one POST in flight, and merges what comes meanwhile into the next', async () => {
    desk.isHolding = true;
    for (let index = 0; index < 500; index++) type('x');
    expect(desk.bodies).toHaveLength(1);
    desk.release();
    await vi.advanceTimersByTimeAsync(1000);
    expect(desk.bodies).toHaveLength(2);
    expect(arrived()).toBe('x'.repeat(500));
  });

  it('tries again when there is no answer, with the same, and nothing overtakes it', async () => {
    desk.answers = [() => new Error('offline'), () => new Error('offline')];
    type('a');
    await vi.advanceTimersByTimeAsync(0);
    type('b');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(desk.bodies.slice(0, 3)).toEqual([desk.bodies[0], desk.bodies[0], desk.bodies[0]]);
    expect(arrived()).toBe('ba');
  });

  it.each([429, 503])('honours Retry-After of a %i', async (status) => {
    desk.answers = [() => problem(status, 'overloaded', {}, { 'Retry-After': '7' })];
    type('a');
    await vi.advanceTimersByTimeAsync(6900);
    expect(desk.bodies).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(700);
    expect(desk.bodies).toHaveLength(2);
    expect(arrived()).toBe('a');
  });

  it('sends what the server says is missing', async () => {
    const whole = new Y.Doc();
    whole.getText('text').insert(0, 'first ');
    desk = new Desk(whole);
    desk.answers = [() => problem(409, 'update-gap', { missing: 'AA' })];
    const updates: Uint8Array[] = [];
    whole.on('update', (update: Uint8Array) => updates.push(update));
    whole.getText('text').insert(6, 'second');
    desk.outbox.add(updates[0] as Uint8Array);
    await vi.advanceTimersByTimeAsync(100);
    expect(arrived()).toBe('first second');
    expect(desk.bodies).toHaveLength(2);
  });

  it('gives up on a server that never has enough', async () => {
    desk.answers = Array.from(
      { length: 9 },
      () => () => problem(409, 'update-gap', { missing: 'AA' }),
    );
    type('a');
    await vi.advanceTimersByTimeAsync(1000);
    expect(desk.refused).toBe('1008 update-gap');
    expect(desk.bodies).toHaveLength(4);
  });

  it('cuts what is too large into pieces, and answers when the last one is durable', async () => {
    for (let index = 0; index < 300; index++) type(`line ${index}\n`);
    await vi.advanceTimersByTimeAsync(1000);
    const limited = (body: Uint8Array): Response =>
      body.byteLength > 3000 ? problem(413, 'body-too-large', { limit: 3000 }) : ok(desk.doc, body);
    desk.bodies.length = 0;
    desk.answers = Array.from({ length: 50 }, () => limited);
    desk.outbox.add(Y.encodeStateAsUpdate(source));
    desk.outbox.request(Uint8Array.of(3));
    await vi.advanceTimersByTimeAsync(1000);
    expect(desk.durable).toEqual([3]);
    expect(desk.bodies.length).toBeGreaterThan(2);
    expect(arrived()).toBe(source.getText('text').toJSON());
  });

  it.each([
    [403, 'read-only', '4403 read-only'],
    [404, 'document-deleted', '4404 document-deleted'],
    [413, 'document-too-large', '4413 document-too-large'],
    [422, 'update-refused', '1008 update-refused'],
    [401, 'token-expired', '4401 token-expired'],
  ])('a %i %s closes as a socket would: %s', async (status, code, expected) => {
    desk.answers = [() => problem(status, code)];
    type('a');
    desk.outbox.request(Uint8Array.of(1));
    await vi.advanceTimersByTimeAsync(100);
    expect(desk.refused).toBe(expected);
    expect(desk.durable).toEqual([]);
    type('b');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(desk.bodies).toHaveLength(1);
  });

  it('stopped, sends nothing more; lingering, what it has, once', async () => {
    desk.isHolding = true;
    type('a');
    type('b');
    desk.outbox.linger();
    desk.release();
    await vi.advanceTimersByTimeAsync(100);
    expect(arrived()).toBe('ba');
    desk.outbox.stop();
    type('c');
    await vi.advanceTimersByTimeAsync(1000);
    expect(arrived()).toBe('ba');
  });
});
