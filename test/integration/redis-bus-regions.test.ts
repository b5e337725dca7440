/**
 * Two regions with a Redis each: a cut of one direction stops exactly the traffic of that direction, is noticed by
 * exactly the node that is cut off, and heals by itself. [I2]
 */
import { describe, it } from 'vitest';
import type { LinkProxy } from '../../chaos/proxies/link-proxy.ts';
import { EVERYONE } from '../../server/fanout/bus.ts';
import type { RedisPlace } from '../../server/fanout/redis-bus.ts';
import type { BusNode } from '../support/bus-node.ts';
import { BusStage } from '../support/bus-stage.ts';
import { waitUntil } from '../support/wait-until.ts';

interface Regions {
  /** In eu; reaches us through `toUs`. */
  readonly eu: BusNode;
  readonly us: BusNode;
  readonly toUs: LinkProxy;
}

const place = (region: string, port: number): RedisPlace => ({
  region,
  urls: [`redis://127.0.0.1:${port}`],
});

function triesOf({ counts }: LinkProxy): number {
  return counts.accepted + counts.refused;
}

async function regions(stage: BusStage): Promise<Regions> {
  const [redisEu, redisUs] = [await stage.redis(), await stage.redis()];
  const toUs = await stage.proxyTo(redisUs);
  return {
    eu: await stage.open({
      node: 'a',
      places: [place('eu', redisEu.port), place('us', toUs.port)],
    }),
    us: await stage.open({
      node: 'b',
      places: [place('us', redisUs.port), place('eu', redisEu.port)],
    }),
    toUs,
  };
}

describe.concurrent('redis bus in two regions', () => {
  it('publishes to the own region only, and hears every region', async (context) => {
    const { expect } = context;
    const { eu, us, toUs } = await regions(new BusStage(context));
    await eu.reaches('from eu', [eu, us]);
    const before = toUs.lane('up').counts.bytes;
    for (let n = 0; n < 100; n += 1) eu.bus.publish(EVERYONE, new Uint8Array(10_000));
    await us.reaches('from us', [eu, us]);
    // A million bytes went to eu's Redis, and none of them through the link to the other.
    expect(toUs.lane('up').counts.bytes - before).toBeLessThan(10_000);
    expect(eu.bus.stats.received).toBe(102);
  });

  it.for([
    ['held', 'hold'],
    ['lost', 'drop'],
  ] as const)('a link whose bytes are %s in one direction', async ([, flow], context) => {
    const { expect } = context;
    const { eu, us, toUs } = await regions(new BusStage(context));
    toUs.set('down', flow);
    us.say('not heard in eu');
    await eu.reaches('still heard in us', [us]);
    expect(await eu.untilNotUp('us')).toBeLessThan(3_000);
    await us.reaches('heard at home', [us]);
    expect(eu.heard).toEqual(['still heard in us']);
    expect(eu.statusOf('us')).toBe('down');
    expect(eu.statusOf('eu')).toBe('up');
    expect(us.history).toHaveLength(2);
    toUs.set('down', 'flow');
    await eu.untilUp();
    await us.reaches('after', [eu, us]);
    expect(eu.history.at(-1)).toBe('us up connected');
    expect(eu.heard).not.toContain('not heard in eu');
  });

  it('a link that flaps ten times a second is up in the end, with one subscription', async (context) => {
    const { expect } = context;
    const { eu, us, toUs } = await regions(new BusStage(context));
    for (let round = 0; round < 20; round += 1) {
      toUs.resetAll();
      toUs.refuse(round % 2 === 0);
      const tried = triesOf(toUs);
      await waitUntil('it tries again', () => triesOf(toUs) > tried);
    }
    toUs.refuse(false);
    await waitUntil('it is back', () => eu.statusOf('us') === 'up' && toUs.connectionCount === 1);
    await us.reaches('once', [eu, us]);
    await us.reaches('end', [eu]);
    expect(eu.heard.filter((text) => text === 'once')).toHaveLength(1);
  });
});
