/**
 * [I9] Cursors of other nodes, over a real Redis: those of a node that is killed, or cut off, are gone elsewhere within
 * 30 s, and those of one that is reached again are back. The people there notice nothing: their sockets stay open.
 */
import { describe, expect, it } from 'vitest';
import { Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness';
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { MESSAGE } from '../../../server/protocol/messages.ts';
import { ClusterStage } from '../../support/cluster-stage.ts';
import type { NodeProcess } from '../../support/node-process.ts';
import { SyncClient } from '../../support/sync-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

const GONE_MS = 30_000;
const BACK_MS = 30_000;
const PATIENCE_MS = 40_000;

/**
 * Somebody with a cursor, which y-protocols renews every 15 s. Of others it knows what the server has said last and nothing
 * else: a client of y-protocols forgets by itself whom it has not heard of for 30 s.
 */
class Person {
  readonly client: SyncClient;
  readonly awareness: Awareness;
  readonly #told = new Map<number, { readonly clock: number; readonly isHere: boolean }>();

  constructor(stage: ClusterStage, node: NodeProcess, name: string) {
    this.client = stage.client(node, 'minutes');
    const { doc, socket } = this.client;
    this.awareness = new Awareness(doc);
    stage.onFinished(() => {
      this.awareness.destroy();
    });
    this.awareness.on('update', () => {
      this.#say();
    });
    socket.on('message', (frame: Buffer) => {
      const decoder = decoding.createDecoder(frame);
      if (decoding.readVarUint(decoder) !== MESSAGE.awareness) return;
      this.#hear(decoding.readVarUint8Array(decoder));
    });
    socket.on('open', () => {
      this.awareness.setLocalState({ name, cursor: 3 });
    });
  }

  sees({ awareness: { clientID } }: Person): boolean {
    return clientID === this.awareness.clientID || this.#told.get(clientID)?.isHere === true;
  }

  #say(): void {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, MESSAGE.awareness);
    const { clientID } = this.awareness;
    encoding.writeVarUint8Array(encoder, encodeAwarenessUpdate(this.awareness, [clientID]));
    this.client.send(encoding.toUint8Array(encoder));
  }

  /** By y-protocols' rule: newer counts, and of the same age the goodbye. */
  #hear(update: Uint8Array): void {
    const decoder = decoding.createDecoder(update);
    for (let left = decoding.readVarUint(decoder); left > 0; left -= 1) {
      const clientId = decoding.readVarUint(decoder);
      const clock = decoding.readVarUint(decoder);
      const isHere = decoding.readVarString(decoder) !== 'null';
      const known = this.#told.get(clientId);
      const isNews =
        known === undefined || clock > known.clock || (clock === known.clock && !isHere);
      if (isNews) this.#told.set(clientId, { clock, isHere });
    }
  }
}

/** How long until it holds, of a promise in tens of seconds: milliseconds. */
async function until(what: string, condition: () => boolean): Promise<number> {
  const startMs = performance.now();
  await waitUntil(what, condition, PATIENCE_MS);
  return performance.now() - startMs;
}

describe('[I9] cursors of other nodes', () => {
  it('vanish with a node that is killed and with one that is cut off; of the latter they come back', async (context) => {
    const stage = new ClusterStage(context);
    const redis = await stage.redis();
    const link = await stage.proxyTo(redis);
    const [here, killed, cutOff] = await Promise.all([
      stage.node({ id: 'here', redisUrl: redis.url }),
      stage.node({ id: 'killed', redisUrl: redis.url }),
      stage.node({ id: 'cut-off', redisUrl: `redis://127.0.0.1:${link.port}` }),
    ]);
    const [ann, bob, cid] = [
      new Person(stage, here, 'ann'),
      new Person(stage, killed, 'bob'),
      new Person(stage, cutOff, 'cid'),
    ];
    const all = [ann, bob, cid];
    await until('everybody sees everybody', () =>
      all.every((person) => all.every((other) => person.sees(other))),
    );

    killed.kill();
    // Bytes wait, as behind a pulled cable: nobody is told of anything.
    for (const direction of ['up', 'down'] as const) link.set(direction, 'hold');
    const [bobMs, cidMs, annMs] = await Promise.all([
      until('the killed one is gone', () => !ann.sees(bob)),
      until('the one that is cut off is gone', () => !ann.sees(cid)),
      until('and sees nobody any more', () => !cid.sees(ann) && !cid.sees(bob)),
    ]);
    await context.annotate(`gone after ${[bobMs, cidMs, annMs].map(Math.round).join(', ')} ms`);
    expect(Math.max(bobMs, cidMs, annMs)).toBeLessThan(GONE_MS);
    // They are there all the time, and see themselves.
    expect([ann.client.isClosed, cid.client.isClosed, bob.client.isClosed]).toEqual([
      false,
      false,
      true,
    ]);

    for (const direction of ['up', 'down'] as const) link.set(direction, 'flow');
    const late = new Person(stage, here, 'late');
    const [lateMs, backMs] = await Promise.all([
      until('who comes now sees them at once', () => late.sees(cid) && late.sees(ann)),
      until('who was there all the time sees them too', () => ann.sees(cid) && cid.sees(ann)),
    ]);
    await context.annotate(
      `back after ${Math.round(backMs)} ms, for newcomers ${Math.round(lateMs)} ms`,
    );
    expect(lateMs).toBeLessThan(10_000);
    expect(backMs).toBeLessThan(BACK_MS);
    expect(ann.sees(bob)).toBe(false);
  }, 150_000);
});
