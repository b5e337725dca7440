/**
 * At least once, in a simulation: documents are created, changed and deleted, the receiver takes, refuses, hangs, the
 * disk is full for a while, and the process is killed at random moments. Prints the seed that replays a failure.
 */
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../server/webhooks/attempt.ts';
import type { WebhookSabotage } from '../../../server/webhooks/dispatcher.ts';
import type { WebhookEvent } from '../../../server/webhooks/event.ts';
import { seededRandom } from '../../support/random.ts';
import { failed, WebhookHouse } from '../../support/webhook-house.ts';

interface Run {
  /** Documents whose newest durable change the receiver was never told. */
  readonly untold: readonly string[];
  readonly kills: number;
}

/** Few, changed often: what comes soon after a delivery is the difficult case. */
const DOCUMENTS = 3;
const ROUNDS = 4;
const STEPS_A_ROUND = 30;

async function run(seed: number, sabotage: WebhookSabotage): Promise<Run> {
  const random = seededRandom(seed);
  const house = new WebhookHouse({ debounceMs: 5, attemptsMax: 1000, sabotage });
  /** What the log said of a document last: which position, which kind. Survives as the disk does. */
  const said = new Map<string, { position: number; kind: string }>();
  /** The newest that the receiver took. */
  const told = new Map<string, number>();
  let isDown = false;
  let isFull = false;
  house.answer = async (event: WebhookEvent): Promise<Outcome> => {
    const delayMs = random.oneIn(8) ? random.below(3000) : random.below(20);
    await new Promise<void>((resolve) => {
      house.timers.setTimeout(() => resolve(), delayMs);
    });
    if (isDown || random.oneIn(3)) return failed();
    const before = told.get(event.document) ?? 0;
    told.set(event.document, Math.max(before, event.position));
    // Taken, and perhaps the answer is lost on its way.
    return random.oneIn(10) ? failed('no connection') : { type: 'delivered' };
  };
  await house.open();
  let kills = 0;
  const kill = async (): Promise<void> => {
    kills++;
    await house.crash(() => random.float());
    isFull = false;
    await house.timers.advance(1);
    await note();
  };
  const deleted = new Set<string>();
  const note = async (): Promise<void> => {
    // Everything that is durable now and not yet trimmed; what was trimmed was noted before.
    for (const { position, changes } of await house.store.changes.read(0, 10_000)) {
      for (const { kind, name } of changes) {
        if (position > (said.get(name)?.position ?? 0)) said.set(name, { position, kind });
      }
    }
  };
  const step = async (): Promise<void> => {
    const name = `d${random.below(DOCUMENTS)}`;
    if (!deleted.has(name)) {
      if (random.oneIn(60)) {
        deleted.add(name);
        void house.store.delete(name).catch(() => undefined);
      } else {
        try {
          await house.append(name);
        } catch {
          deleted.add(name); // its tombstone is durable
        }
      }
    }
    if (random.oneIn(20)) isDown = !isDown;
    if (random.oneIn(15)) isFull = !isFull;
    if (isFull) house.store.failWrites();
    else house.store.recover();
    await house.timers.advance(random.below(150));
    await note();
    if (random.oneIn(10)) await kill();
  };
  const untold: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (let count = 0; count < STEPS_A_ROUND; count++) await step();
    // Nobody writes any more. Killed soon after or not, all must be told: a later change would hide a lost one.
    await house.timers.advance(random.below(1000));
    await note();
    if (random.oneIn(2)) await kill();
    isDown = false;
    isFull = false;
    house.store.recover();
    await house.timers.advance(20 * 3_600_000);
    for (const [name, { position, kind }] of said) {
      if ((told.get(name) ?? 0) < position) untold.push(`${kind} ${name} at ${position}`);
    }
  }
  expect(house.log.filter((line) => line.includes('Error'))).toEqual([]);
  return { untold, kills };
}

describe('webhooks, at least once', () => {
  it('a restart at any moment loses no event, whatever the receiver does', async () => {
    let kills = 0;
    for (let seed = 1; seed <= 500; seed++) {
      const result = await run(seed, {});
      kills += result.kills;
      expect({ seed, untold: result.untold }).toEqual({ seed, untold: [] });
    }
    expect(kills).toBeGreaterThan(3000);
  });

  it('the same runs catch a cursor that moves before the receiver has answered', async () => {
    let lost = 0;
    for (let seed = 1; seed <= 20; seed++)
      lost += (await run(seed, { cursorFirst: true })).untold.length;
    expect(lost).toBeGreaterThan(0);
  });
});
