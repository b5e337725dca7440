import { describe, expect, it } from 'vitest';
import {
  badTokenQuota,
  rateLimits,
  type RateConfig,
  type RateLimits,
} from '../../../server/access/rate-limits.ts';

const UNSET: RateConfig = {
  auth: 'jwt',
  rateWindowMs: 10_000,
  rateUserMax: null,
  rateAddressMax: null,
  rateDocumentMax: null,
  rateUpgradesMax: null,
  rateBadTokensMax: null,
};
const LOOPBACK = '127.0.0.1';
const STRANGER = '192.0.2.1';

async function policiesOf(config: Partial<RateConfig>, address: string): Promise<string[]> {
  const limits = rateLimits({ ...UNSET, ...config }, null);
  const { policies } = await limits.take({ address, subject: 'ann', document: 'notes' });
  return policies.map(({ name }) => name);
}

const take = (limits: RateLimits, address: string, subject: string): Promise<boolean> =>
  limits.take({ address, subject, document: 'notes' }).then(({ isAllowed }) => isAllowed);

describe('which limits there are', () => {
  it.each([
    ['loopback', STRANGER, []],
    ['none', STRANGER, ['address', 'document']],
    ['none', LOOPBACK, ['document']],
    ['jwt', STRANGER, ['user', 'address', 'document']],
    ['jwt', LOOPBACK, ['user', 'document']],
  ] as const)('with AUTH=%s for %s: %s', async (auth, address, names) => {
    expect(await policiesOf({ auth }, address)).toEqual(names);
  });

  it('what is set explicitly holds everywhere; 0 is no limit', async () => {
    const set = { rateAddressMax: 1, rateUserMax: 0, rateDocumentMax: 0 };
    expect(await policiesOf({ auth: 'loopback', ...set }, LOOPBACK)).toEqual(['address']);
  });

  it('a node that is reached over loopback only has nothing to wait for', () => {
    expect(rateLimits({ ...UNSET, auth: 'loopback' }, null).takeUpgrade(LOOPBACK)).toBe(null);
  });

  it('bad tokens are counted where there are tokens', () => {
    expect(badTokenQuota({ ...UNSET, auth: 'loopback' })).toBe(0);
    expect(badTokenQuota(UNSET)).toBeGreaterThan(0);
  });
});

describe('a limit', () => {
  it('lets through its quota, and says when the next is due', async () => {
    const limits = rateLimits({ ...UNSET, rateUserMax: 2 }, null);
    expect(await take(limits, STRANGER, 'ann')).toBe(true);
    expect(await take(limits, STRANGER, 'ann')).toBe(true);
    const verdict = await limits.take({ address: STRANGER, subject: 'ann', document: 'notes' });
    expect(verdict).toMatchObject({ isAllowed: false });
    expect(verdict.retryAfterS).toBeGreaterThanOrEqual(1);
    expect(verdict.retryAfterS).toBeLessThanOrEqual(10);
    expect(verdict.policies[0]).toMatchObject({
      name: 'user',
      quota: 2,
      windowS: 10,
      remaining: 0,
    });
    expect(await take(limits, STRANGER, 'bob')).toBe(true);
  });

  it('of an address counts a /64 as one', async () => {
    const limits = rateLimits({ ...UNSET, rateAddressMax: 1 }, null);
    expect(await take(limits, '2001:db8:1:2::1', 'a')).toBe(true);
    expect(await take(limits, '2001:db8:1:2::2', 'b')).toBe(false);
    expect(await take(limits, '2001:db8:1:3::1', 'c')).toBe(true);
  });
});
