import { onTestFinished, describe, expect, it } from 'vitest';
import type { Caller, Identity, Revocation } from '../../../server/access/access.ts';
import {
  createAccessControl,
  type AccessEvent,
  type AccessOptions,
  type RunningAccess,
} from '../../../server/access/control.ts';
import { fixedKey, secretKey } from '../../../server/access/keys.ts';
import type { RevocationRecords } from '../../../server/access/revocations.ts';
import { parseDocumentName, type DocumentName } from '../../../server/protocol/document-name.ts';
import { AUDIENCE, ISSUER, nowS, SECRET, token } from '../../support/tokens.ts';

const CALLER: Caller = { address: '192.0.2.1', origin: null };
const DAY_MS = 86_400_000;

function name(text: string): DocumentName {
  const parsed = parseDocumentName(text);
  if (parsed === null) throw new Error(text);
  return parsed;
}
const NOTES = name('team/notes');
const OTHER = name('team/other');

interface Rig {
  readonly access: RunningAccess;
  readonly events: AccessEvent[];
  /** Added to the clock. */
  skewMs: number;
}

function rig(changes: Partial<AccessOptions> = {}): Rig {
  const events: AccessEvent[] = [];
  const made: Rig = {
    events,
    skewMs: 0,
    access: createAccessControl({
      keys: fixedKey(secretKey(SECRET)),
      signing: { ...secretKey(SECRET), keyId: null },
      rules: { issuer: ISSUER, audience: AUDIENCE, lifetimeMaxMs: DAY_MS, clockToleranceMs: 5000 },
      authorize: null,
      authorizeTimeoutMs: 50,
      badTokens: { quota: 0, windowMs: 10_000 },
      records: null,
      redis: null,
      now: () => Date.now() + made.skewMs,
      report: (event) => {
        events.push(event);
      },
      ...changes,
    }),
  };
  onTestFinished(() => {
    made.access.close();
  });
  return made;
}

async function identify(access: RunningAccess, text: string): Promise<Identity> {
  const result = await access.authenticate(text, CALLER);
  if (!result.ok) throw new Error(result.code);
  return result.identity;
}

async function codeOf(
  access: RunningAccess,
  text: string,
  caller: Caller = CALLER,
): Promise<string> {
  const result = await access.authenticate(text, caller);
  return result.ok ? 'ok' : result.code;
}

/** Records that outlive the node, as a store's do. */
class Records implements RevocationRecords {
  readonly values = new Map<string, Uint8Array>();
  list(): ReturnType<RevocationRecords['list']> {
    return Promise.resolve([...this.values].map(([id, value]) => ({ id, value })));
  }
  write(changes: Parameters<RevocationRecords['write']>[0]): Promise<void> {
    for (const { key, value } of changes) {
      if (value === null) this.values.delete(key.id);
      else this.values.set(key.id, value);
    }
    return Promise.resolve();
  }
}

describe('identities', () => {
  it('a made-up identity may do nothing', async () => {
    const { access } = rig();
    const forged = { subject: 'root', expiresAtMs: null, tokenId: null, issuedAtMs: null };
    expect(await access.accessTo(forged, NOTES)).toBe('none');
    expect(access.accessToNode(forged)).toBe('none');
  });

  it('J21 is good until exp and the tolerance, and not a moment longer', async () => {
    const { access } = rig();
    const identity = await identify(access, token({ exp: nowS() + 10 }));
    const endMs = (identity.expiresAtMs ?? 0) + 5000;
    expect(access.refusalOf(identity, NOTES, endMs - 1)).toBe(null);
    expect(access.refusalOf(identity, NOTES, endMs)).toBe('token-expired');
  });

  it('without keys everybody is anonymous and may do everything', async () => {
    const { access } = rig({ keys: null, signing: null });
    const identity = await identify(access, 'whatever');
    expect(identity).toMatchObject({ subject: 'anonymous', expiresAtMs: null });
    expect(await access.accessTo(identity, NOTES)).toBe('admin');
    expect(access.accessToNode(identity)).toBe('admin');
    expect(access.mintTicket(identity)).toBe(null);
  });
});

const ticket = (changes: Record<string, unknown> = {}): string =>
  token({ once: true, jti: 'ticket-1', exp: nowS() + 30, ...changes });

describe('tickets', () => {
  it('J18 J24 a ticket is good once', async () => {
    const { access } = rig();
    const text = ticket();
    expect(await codeOf(access, text)).toBe('ok');
    expect(await codeOf(access, text)).toBe('invalid-token');
    expect(await codeOf(access, ticket({ jti: 'ticket-2' }))).toBe('ok');
  });

  it('J24 of many at once exactly one gets in', async () => {
    const { access } = rig();
    const text = ticket();
    const codes = await Promise.all(Array.from({ length: 20 }, () => codeOf(access, text)));
    expect(codes.filter((code) => code === 'ok')).toHaveLength(1);
  });

  it('J24 is remembered for as long as it would be accepted', async () => {
    const made = rig();
    const text = ticket();
    await codeOf(made.access, text);
    made.skewMs = 34_000;
    expect(await codeOf(made.access, text)).toBe('invalid-token');
    made.skewMs = 36_000;
    expect(await codeOf(made.access, text)).toBe('token-expired');
  });

  it('what a ticket opens lasts until `until`, at most a token’s lifetime', async () => {
    const { access } = rig();
    const until = nowS() + 3600;
    expect(await identify(access, ticket({ until }))).toMatchObject({ expiresAtMs: until * 1000 });
    expect(await codeOf(access, ticket({ jti: 'b', until: nowS() + 90_000 }))).toBe(
      'invalid-token',
    );
    expect(await codeOf(access, ticket({ jti: 'c', until: 'x' }))).toBe('invalid-token');
  });

  it('a minted ticket has the rights and the end of its token, and is revoked with it', async () => {
    const { access } = rig();
    const parent = await identify(access, token({ jti: 'parent' }));
    const minted = access.mintTicket(parent);
    const identity = await identify(access, minted?.token ?? '');
    expect(identity).toMatchObject({
      subject: 'ann',
      expiresAtMs: parent.expiresAtMs,
      tokenId: 'parent',
    });
    expect(await access.accessTo(identity, NOTES)).toBe('write');
    expect(await access.accessTo(identity, name('elsewhere'))).toBe('none');
    expect(await codeOf(access, minted?.token ?? '')).toBe('invalid-token');
    await access.revoke({ tokenId: 'parent', atMs: Date.now() });
    expect(access.refusalOf(identity, NOTES, Date.now())).toBe('token-revoked');
  });
});

describe('revocations', () => {
  it('J23 by token, by user, by document: each ends what it names and nothing else', async () => {
    const { access } = rig();
    const a = await identify(access, token({ jti: 'a' }));
    const b = await identify(access, token({ jti: 'b' }));
    const bob = await identify(access, token({ sub: 'bob' }));
    const refusal = (identity: Identity, document: DocumentName): string | null =>
      access.refusalOf(identity, document, Date.now());

    await access.revoke({ tokenId: 'a', atMs: Date.now() });
    expect([refusal(a, NOTES), refusal(b, NOTES)]).toEqual(['token-revoked', null]);
    await access.revoke({ subject: 'ann', document: NOTES, atMs: Date.now() });
    expect([refusal(b, NOTES), refusal(b, OTHER), refusal(bob, NOTES)]).toEqual([
      'forbidden',
      null,
      null,
    ]);
    expect(await access.accessTo(b, NOTES)).toBe('none');
    await access.revoke({ subject: 'ann', atMs: Date.now() });
    expect([refusal(b, OTHER), refusal(bob, OTHER)]).toEqual(['token-revoked', null]);
    await access.revoke({ document: OTHER, atMs: Date.now() });
    expect([refusal(bob, NOTES), refusal(bob, OTHER)]).toEqual([null, 'forbidden']);
  });

  it('J23 tokens issued afterwards are good again', async () => {
    const { access } = rig();
    await access.revoke({ subject: 'ann', atMs: Date.now() - 10_000 });
    expect(await codeOf(access, token({ iat: nowS() - 11 }))).toBe('token-revoked');
    expect(await codeOf(access, token({ iat: nowS() - 8 }))).toBe('ok');
  });

  it('J23 survive a restart, and are forgotten when no token could be that old', async () => {
    const records = new Records();
    const first = rig({ records });
    await first.access.revoke({ subject: 'ann', atMs: Date.now() });
    const second = rig({ records });
    await second.access.start();
    expect(await codeOf(second.access, token())).toBe('token-revoked');
    const later = rig({ records });
    later.skewMs = DAY_MS + 6000;
    await later.access.start();
    expect(later.access.revocations()).toEqual([]);
    expect(records.values.size).toBe(0);
  });

  it('a later one for the same user replaces the earlier one', async () => {
    const records = new Records();
    const { access } = rig({ records });
    const atMs = Date.now();
    await access.revoke({ subject: 'ann', atMs: atMs - 2000 });
    await access.revoke({ subject: 'ann', atMs });
    await access.revoke({ subject: 'ann', atMs: atMs - 1000 });
    expect(access.revocations()).toEqual([{ subject: 'ann', atMs }]);
    const again = rig({ records });
    await again.access.start();
    expect(again.access.revocations()).toEqual([{ subject: 'ann', atMs }]);
  });

  it('listeners hear of it before the disk does, even of one that hangs', async () => {
    const records = new Records();
    records.write = () => new Promise(() => undefined);
    const { access } = rig({ records });
    const heard: Revocation[] = [];
    access.onRevoked((revocation) => heard.push(revocation));
    void access.revoke({ subject: 'ann', atMs: 1000 });
    expect(heard).toEqual([{ subject: 'ann', atMs: 1000 }]);
  });

  it.each([
    ['nobody named', {}],
    ['an empty user', { subject: '' }],
    ['a user that is no text', { subject: { $ne: null } }],
    ['null for a user', { subject: null }],
    ['a document that is none', { document: '../x' }],
    ['a member that is not known', { subject: 'x', everybody: true }],
    ['no time', { subject: 'x', atMs: 'now' }],
  ])('B20 %s: refused, and revokes nobody', async (_name, malformed) => {
    const { access } = rig();
    const revocation = { atMs: Date.now(), ...malformed } as unknown as Revocation;
    await expect(access.revoke(revocation)).rejects.toMatchObject({ code: 'invalid-request' });
    expect(await codeOf(access, token())).toBe('ok');
    expect(access.revocations()).toEqual([]);
  });

  it('B20 a stored one that is malformed revokes nobody and is told', async () => {
    const records = new Records();
    records.values.set('1', Buffer.from('{}'));
    records.values.set('2', Buffer.from('not json'));
    const { access, events } = rig({ records });
    await access.start();
    expect(await codeOf(access, token())).toBe('ok');
    expect(events).toContainEqual({ type: 'revocations-unreadable', count: 2 });
  });
});

describe('the authorize hook', () => {
  it('sees who asks for what, and its answer replaces the token’s', async () => {
    const seen: unknown[] = [];
    const { access } = rig({
      authorize: (request) => {
        const { subject, tokenId, document, access: level, address, origin, claims: all } = request;
        seen.push({
          subject,
          tokenId,
          document,
          access: level,
          address,
          origin,
          team: all['team'],
        });
        return request.document === OTHER ? 'none' : 'admin';
      },
    });
    const identity = await identify(access, token({ team: 'blue', jti: 't' }));
    expect(await access.accessTo(identity, NOTES)).toBe('admin');
    expect(await access.accessTo(identity, OTHER)).toBe('none');
    expect(seen[0]).toEqual({
      subject: 'ann',
      tokenId: 't',
      document: NOTES,
      access: 'write',
      address: CALLER.address,
      origin: null,
      team: 'blue',
    });
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['never answers', () => new Promise<never>(() => undefined)],
    ['answers nonsense', () => Promise.resolve('yes' as 'read')],
    ['answers nothing', () => Promise.resolve(undefined as unknown as 'read')],
  ])('one that %s lets nobody in, retryably', async (_name, authorize) => {
    const { access, events } = rig({ authorize });
    const identity = await identify(access, token());
    await expect(access.accessTo(identity, NOTES)).rejects.toMatchObject({
      code: 'access-unavailable',
    });
    expect(events.some((event) => event.type === 'hook-failed')).toBe(true);
  });

  it('one that is late is told that nobody waits any more', async () => {
    let signal: AbortSignal | undefined;
    const { access } = rig({
      authorize: (request) => {
        signal = request.signal;
        return new Promise(() => undefined);
      },
    });
    await expect(access.accessTo(await identify(access, token()), NOTES)).rejects.toThrow();
    expect(signal?.aborted).toBe(true);
  });

  it('is not asked about what was revoked', async () => {
    const { access } = rig({ authorize: () => 'admin' });
    const identity = await identify(access, token());
    await access.revoke({ subject: 'ann', atMs: Date.now() });
    expect(await access.accessTo(identity, NOTES)).toBe('none');
  });

  it('without keys it decides about documents, and nobody is an operator', async () => {
    const { access } = rig({ keys: null, authorize: () => 'write' });
    const identity = await identify(access, '');
    expect(access.isEnforced).toBe(true);
    expect(await access.accessTo(identity, NOTES)).toBe('write');
    expect(access.accessToNode(identity)).toBe('none');
  });
});

describe('bad tokens', () => {
  const other: Caller = { address: '192.0.2.2', origin: null };

  it('J26 above the budget an address is not looked at any more, others are', async () => {
    const made = rig({ badTokens: { quota: 5, windowMs: 10_000 } });
    for (let count = 0; count < 5; count += 1) {
      expect(await codeOf(made.access, 'bad')).toBe('invalid-token');
    }
    expect(await codeOf(made.access, 'bad')).toBe('rate-limited');
    expect(await codeOf(made.access, token())).toBe('rate-limited');
    expect(await codeOf(made.access, token(), other)).toBe('ok');
    made.skewMs = 10_001;
    expect(await codeOf(made.access, token({ iat: nowS() + 10, exp: nowS() + 600 }))).toBe('ok');
  });

  it('J26 ten thousand of them are reported in a handful of lines', async () => {
    const { access, events } = rig();
    for (let count = 0; count < 10_000; count += 1) await codeOf(access, 'bad');
    expect(events.filter(({ type }) => type === 'tokens-refused')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'token-refused')).toHaveLength(10_000);
  });
});
