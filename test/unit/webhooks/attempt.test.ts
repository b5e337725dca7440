import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConfigError, makeConfig } from '../../../server/config.ts';
import { backoffMs, outcomeOf } from '../../../server/webhooks/attempt.ts';
import { eventBody, eventId } from '../../../server/webhooks/event.ts';
import { secretKey, signature } from '../../../server/webhooks/signature.ts';

describe('an attempt', () => {
  const atMs = Date.parse('2026-11-22T10:00:00Z');

  it.each([
    [200, 'delivered', false],
    [204, 'delivered', false],
    [301, 'failed', false],
    [307, 'failed', false],
    [400, 'failed', true],
    [401, 'failed', false],
    [403, 'failed', false],
    [404, 'failed', false],
    [408, 'failed', false],
    [410, 'failed', false],
    [413, 'failed', true],
    [415, 'failed', true],
    [422, 'failed', true],
    [425, 'failed', false],
    [429, 'failed', false],
    [500, 'failed', false],
    [503, 'failed', false],
  ] as const)('answered with %i has %s, and for good: %s', (status, type, isPermanent) => {
    const outcome = outcomeOf(status, null, atMs);
    expect(outcome.type).toBe(type);
    expect(outcome.type === 'failed' && outcome.isPermanent).toBe(isPermanent);
  });

  it.each([
    ['120', 120_000],
    ['0', 0],
    ['Sun, 22 Nov 2026 10:00:30 GMT', 30_000],
    ['Sun, 22 Nov 2026 09:00:00 GMT', 0],
    ['999999999', 3_600_000],
    ['soon', null],
    ['-1', null],
    [null, null],
  ])('Retry-After %s means %s ms', (value, expected) => {
    const outcome = outcomeOf(503, value, atMs);
    expect(outcome.type === 'failed' ? outcome.retryAfterMs : -1).toBe(expected);
    // A 500 that carries one asks for nothing that is defined.
    expect(outcomeOf(500, '60', atMs)).toMatchObject({ retryAfterMs: null });
  });

  it('backs off exponentially up to a bound, jittered by half', () => {
    const backoff = { firstMs: 1000, maxMs: 3_600_000 };
    expect([1, 2, 3, 12, 13, 1000].map((attempts) => backoffMs(attempts, backoff, 1))).toEqual([
      1000, 2000, 4000, 2_048_000, 3_600_000, 3_600_000,
    ]);
    expect(backoffMs(3, backoff, 0)).toBe(2000);
  });
});

const headersOf = (timestampS: number, mac: string): object => ({
  'webhook-id': 'evt_1',
  'webhook-timestamp': String(timestampS),
  'webhook-signature': mac,
});

describe('an event', () => {
  const event = { kind: 'changed', document: 'a', position: 7, atMs: 1_790_000_000_123 } as const;

  it('is signed as the Standard Webhooks convention has it: its published example', () => {
    const key = secretKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
    expect(signature(key, id, 1_614_265_330, '{"test": 2432232314}')).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
  });

  it('passes the check that docs/OPERATIONS.md gives to receivers, and nothing else does', async () => {
    const docs = readFileSync(new URL('../../../../docs/OPERATIONS.md', import.meta.url), 'utf8');
    const code = /```js\n(import \{ createHmac[^]*?)```/.exec(docs)?.[1] ?? '';
    const source = `${code}\nexport { isGenuine };`;
    const { isGenuine } = (await import(`data:text/javascript,${encodeURIComponent(source)}`)) as {
      isGenuine: (headers: object, body: string, secret: string) => boolean;
    };
    const body = eventBody(event, { source: 's', node: 'n', region: 'r' });
    const nowS = Math.floor(Date.now() / 1000);
    for (const secret of ['a secret in so many words', `whsec_${'c2VjcmV0'.repeat(6)}`]) {
      const mac = signature(secretKey(secret), 'evt_1', nowS, body);
      expect(isGenuine(headersOf(nowS, mac), body, secret)).toBe(true);
      expect(isGenuine(headersOf(nowS, `v1a,none ${mac}`), body, secret)).toBe(true);
      expect(isGenuine(headersOf(nowS, mac), `${body} `, secret)).toBe(false);
      expect(isGenuine(headersOf(nowS, mac), body, secret.replace('ec', 'cc'))).toBe(false);
      const oldMac = signature(secretKey(secret), 'evt_1', nowS - 3600, body);
      expect(isGenuine(headersOf(nowS - 3600, oldMac), body, secret)).toBe(false);
    }
  });

  it('has an id that depends on what happened and where, and sorts by age', () => {
    const id = eventId(event, 'store-1');
    expect(id).toMatch(/^evt_[0-9a-z]{10}[\w-]{16}$/);
    expect(eventId({ ...event, atMs: 1 }, 'store-1')).toBe(id);
    const others = [
      eventId({ ...event, kind: 'created' }, 'store-1'),
      eventId({ ...event, document: 'b' }, 'store-1'),
      eventId({ ...event, position: 8 }, 'store-1'),
      eventId(event, 'store-2'),
    ];
    expect(new Set([id, ...others]).size).toBe(5);
    expect(eventId({ ...event, position: 36 ** 2 }, 'store-1') > id).toBe(true);
  });

  it('says which document, when and where, and nothing else', () => {
    const body = eventBody(event, { source: 's', node: 'n', region: 'r' });
    expect(JSON.parse(body)).toEqual({
      id: eventId(event, 's'),
      type: 'document.changed',
      document: 'a',
      at: '2026-09-21T14:13:20.123Z',
      node: 'n',
      region: 'r',
    });
  });
});

describe('the options of webhooks', () => {
  const usable = { webhookUrl: 'https://example.org/hook', webhookSecret: 's'.repeat(24) };

  it('a URL and a secret are enough', () => {
    expect(makeConfig(usable)).toMatchObject({ webhookEvents: ['created', 'changed', 'deleted'] });
    expect(makeConfig({ webhookSecret: 'short' }).webhookUrl).toBeNull();
  });

  it.each([
    ['no URL', { webhookUrl: 'example.org' }, 'WEBHOOK_URL'],
    ['another protocol', { webhookUrl: 'file:///etc/passwd' }, 'WEBHOOK_URL'],
    ['a password in the URL', { webhookUrl: 'https://u:hunter2@example.org/' }, 'WEBHOOK_URL'],
    ['no secret', { webhookSecret: null }, 'WEBHOOK_SECRET'],
    ['a short secret', { webhookSecret: 'hunter2' }, 'WEBHOOK_SECRET'],
    ['a short secret in base64', { webhookSecret: 'whsec_aHVudGVyMg==' }, 'WEBHOOK_SECRET'],
    ['no events', { webhookEvents: [] }, 'WEBHOOK_EVENTS'],
    ['an unknown event', { webhookEvents: ['opened'] }, 'WEBHOOK_EVENTS'],
  ])('%s stops the start, without naming the value', (_what, given, option) => {
    let message = '';
    try {
      makeConfig({ ...usable, ...given });
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      message = (error as ConfigError).message;
    }
    expect(message).toContain(option);
    expect(message).not.toMatch(/hunter2|aHVudGVyMg|passwd/);
  });
});
