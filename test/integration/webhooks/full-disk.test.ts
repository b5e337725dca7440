/**
 * A disk that fills up while events wait: they are delivered all the same, nothing is lost, and what becomes durable
 * when there is space again is told. On a small tmpfs; without root the rule stands in test/unit/webhooks.
 */
import { expect, it } from 'vitest';
import { metric, startNode } from '../../support/in-process-node.ts';
import { pathOf, Rest, textUpdate } from '../../support/rest.ts';
import { smallDisk } from '../../support/small-disk.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { WEBHOOK_SECRET, WebhookReceiver } from '../../support/webhook-receiver.ts';

const isRoot = process.getuid?.() === 0;

it.runIf(isRoot)(
  '[I5] events are told while the disk is full, and what waited for the disk is told afterwards',
  async () => {
    const disk = smallDisk();
    const receiver = await WebhookReceiver.start();
    // Refused when the disk is full already: of what fails now, no record can be written.
    let isFull = false;
    let isDown = true;
    receiver.reply = async () => {
      await waitUntil('the disk to be full', () => isFull, 60_000);
      return { status: isDown ? 503 : 200 };
    };
    const { node, url } = await startNode({
      dataDir: disk.dir,
      webhookUrl: receiver.url,
      webhookSecret: WEBHOOK_SECRET,
      webhookDebounceMs: 20,
      writeTimeoutMs: 60_000,
    });
    const rest = new Rest(url);
    const before = Array.from({ length: 10 }, (_, index) => `before-${index}`);
    for (const [index, name] of before.entries()) {
      expect((await rest.put(pathOf(name), textUpdate('x', index + 1))).status).toBe(201);
    }
    await waitUntil('as many attempts as there are at once', () => receiver.seen.length >= 8);
    disk.fill();
    // Large enough not to fit into what LevelDB has left.
    const waiting = Array.from({ length: 3 }, (_, index) => {
      return rest.put(pathOf(`after-${index}`), textUpdate('y'.repeat(200_000), index + 100));
    });
    await waitUntil('the node to turn unready', async () => {
      return (await fetch(`${url}/readyz`)).status === 503;
    });
    isFull = true;
    await waitUntil('all to be refused', () => receiver.seen.length >= before.length);
    isDown = false;
    await waitUntil(
      'what was durable to be told, with a full disk',
      () => before.every((name) => receiver.told.includes(`created ${name}`)),
      20_000,
    );
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    expect(receiver.told.filter((line) => line.includes('after'))).toEqual([]);
    disk.free();
    for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(201);
    await waitUntil('the rest', () => {
      return waiting.every((_, index) => receiver.told.includes(`created after-${index}`));
    });
    await waitUntil('the log to be trimmed', async () => {
      return (await metric(node, 'change_log_bytes')) === 0;
    });
    expect(receiver.problems).toEqual([]);
  },
);
