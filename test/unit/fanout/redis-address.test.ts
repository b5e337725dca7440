/** Addresses of Redis servers, slots of channels, and answers about a cluster's topology. */
import { describe, expect, it } from 'vitest';
import { parseRedisAddress, slotOf } from '../../../server/fanout/redis-address.ts';
import { RedisBus } from '../../../server/fanout/redis-bus.ts';
import { parseSlots } from '../../../server/fanout/redis-topology.ts';
import { VirtualTimers } from '../../support/virtual-timers.ts';

describe('redis address', () => {
  it.each([
    ['redis://localhost', 'localhost:6379'],
    ['redis://10.0.0.1:7000/3', '10.0.0.1:7000'],
    ['rediss://user:p%40ss@cache.example:6380', 'cache.example:6380'],
    ['redis://[::1]:6379', '[::1]:6379'],
    ['unix:///run/redis.sock', '/run/redis.sock'],
  ])('%s is shown as %s', (text, label) => {
    expect(parseRedisAddress(text)?.label).toBe(label);
  });

  it('takes credentials, database and TLS', () => {
    expect(parseRedisAddress('rediss://user:p%40ss@h:1/3')).toMatchObject({
      username: 'user',
      password: 'p@ss',
      db: 3,
      isTls: true,
      host: 'h',
      port: 1,
    });
    expect(parseRedisAddress('redis://:only@h')).toMatchObject({
      username: null,
      password: 'only',
    });
    expect(parseRedisAddress('redis://[::1]')?.host).toBe('::1');
  });

  it.each([
    '',
    'localhost:6379',
    'http://h',
    'redis://',
    'redis://h/name',
    'redis://h:99999',
    'unix://h/x',
    'redis://%zz@h',
  ])('refuses %j', (text) => {
    expect(parseRedisAddress(text)).toBeNull();
  });

  it('an error about an address does not quote it', () => {
    const places = [{ region: 'eu', urls: ['redis://user:hunter2@host:99999'] }] as const;
    const build = (): RedisBus =>
      new RedisBus({ node: 'n', places, timers: new VirtualTimers(), random: () => 0.5 });
    expect(build).toThrow(RangeError);
    expect(build).toThrow(/^((?!hunter2).)*$/);
  });
});

describe('cluster', () => {
  // From the Redis Cluster specification and `CLUSTER KEYSLOT`.
  it.each([
    ['123456789', 0x31c3],
    ['foo', 12_182],
    ['syncline:{foo}', 12_182],
    ['{}foo', 9_500],
  ])('the slot of %s is %i', (name, slot) => {
    expect(slotOf(name)).toBe(slot);
  });

  const asked = parseRedisAddress('rediss://u:p@seed:7000');
  if (asked === null) throw new Error('unreachable');

  it('masters and their slots are read from CLUSTER SLOTS', () => {
    const reply = [
      [0, 5_460, ['10.0.0.1', 7_000, 'id', []], ['10.0.0.9', 7_005, 'replica', []]],
      [5_461, 16_382, ['', 7_001, 'id', []]],
      [16_383, 16_383, ['10.0.0.1', 7_000, 'id', []]],
    ];
    const masters = parseSlots(reply, asked);
    expect(masters?.map(({ address, ranges }) => [address.label, ranges])).toEqual([
      [
        '10.0.0.1:7000',
        [
          { from: 0, to: 5_460 },
          { from: 16_383, to: 16_383 },
        ],
      ],
      ['seed:7001', [{ from: 5_461, to: 16_382 }]],
    ]);
    expect(masters?.[0]?.address).toMatchObject({ isTls: true, username: 'u', password: 'p' });
  });

  it.each([
    null,
    'OK',
    [],
    [[0, 1]],
    [[0, 99_999, ['h', 1]]],
    [[0, 1, ['h', '1']]],
    [[0, 1, ['a b', 1]]],
  ])('an answer of %j is none', (reply) => {
    expect(parseSlots(reply, asked)).toBeNull();
  });
});
