/**
 * The access control of one node: keys, tickets, revocations and the embedder's hook behind the port of access.ts.
 * Identities that it hands out carry their grants inside; an identity made elsewhere may do nothing.
 */
import { randomUUID } from 'node:crypto';
import type { DocumentName } from '../protocol/document-name.ts';
import { ProtocolError, type ErrorCode } from '../protocol/errors.ts';
import {
  allows,
  type AccessControl,
  type AccessLevel,
  type Authentication,
  type Caller,
  type Identity,
  type LinkRequest,
  type MintedLink,
  type Revocation,
} from './access.ts';
import { askHook, type Authorize } from './authorize.ts';
import { BadTokens } from './bad-tokens.ts';
import { Grants } from './grants.ts';
import type { KeySource } from './keys.ts';
import { mintToken, type SigningKey } from './mint.ts';
import type { SharedRedis } from './redis.ts';
import { Revocations, type RevocationRecords } from './revocations.ts';
import { Tickets } from './tickets.ts';
import { TICKET_LIFETIME_MAX_MS, verifyToken, type Claims, type TokenRules } from './token.ts';

export type RunningAccess = AccessControl & {
  /** Reads what is stored; before the first request is answered. */
  start(): Promise<void>;
  close(): void;
};

export interface AccessOptions {
  /** Null: everybody is `anonymous`, with the run of the place unless the hook says otherwise. */
  readonly keys: KeySource | null;
  /** What tickets are signed with; null: the node mints none. */
  readonly signing: SigningKey | null;
  readonly rules: TokenRules;
  readonly authorize: Authorize | null;
  readonly authorizeTimeoutMs: number;
  /** Bad tokens from one address in a window, above which its tokens are not looked at. */
  readonly badTokens: { readonly quota: number; readonly windowMs: number };
  readonly records: RevocationRecords | null;
  readonly redis: SharedRedis | null;
  /** Tokens speak of the wall clock: see token-clock.ts. Milliseconds since the epoch. */
  readonly now: () => number;
  readonly report: (event: AccessEvent) => void;
}

/** For the operator. Refused tokens are counted one by one and reported in sums. */
export type AccessEvent =
  | { readonly type: 'token-refused'; readonly reason: string }
  | {
      readonly type: 'tokens-refused';
      readonly count: number;
      readonly lastReason: string;
      readonly lastAddress: string;
    }
  | { readonly type: 'hook-failed'; readonly document: string; readonly error: unknown }
  | { readonly type: 'revocations-unreadable'; readonly count: number }
  | { readonly type: 'revoked'; readonly revocation: Revocation }
  /** The wall clock was set under the running node. */
  | { readonly type: 'clock-jumped'; readonly byMs: number };

/** Refusals are reported in sums at least this far apart: an attack must not fill the disk with lines. */
const REPORT_EVERY_MS = 10_000;
const FORGET_EVERY_MS = 600_000;

class KnownIdentity implements Identity {
  readonly subject: string;
  readonly expiresAtMs: number | null;
  readonly tokenId: string | null;
  readonly issuedAtMs: number | null;
  readonly #grants: Grants;
  readonly #claims: Readonly<Record<string, unknown>>;
  readonly #caller: Caller;

  constructor(claims: Claims | null, caller: Caller) {
    this.subject = claims?.subject ?? 'anonymous';
    this.expiresAtMs = claims?.expiresAtMs ?? null;
    this.tokenId = claims?.tokenId ?? null;
    this.issuedAtMs = claims?.issuedAtMs ?? null;
    this.#grants = claims?.grants ?? EVERYTHING;
    this.#claims = claims?.payload ?? {};
    this.#caller = caller;
  }

  static grantsOf(identity: Identity): Grants {
    return identity instanceof KnownIdentity ? identity.#grants : Grants.none;
  }

  static ask(
    identity: Identity,
  ): { claims: Readonly<Record<string, unknown>>; caller: Caller } | null {
    if (!(identity instanceof KnownIdentity)) return null;
    return { claims: identity.#claims, caller: identity.#caller };
  }
}

const EVERYTHING = new Grants([{ match: '*', access: 'admin' }]);

export function createAccessControl(options: AccessOptions): RunningAccess {
  return new Control(options);
}

class Control implements RunningAccess {
  readonly isEnforced: boolean;
  readonly hasHook: boolean;
  readonly canMint: boolean;
  readonly #options: AccessOptions;
  readonly #tickets: Tickets;
  readonly #badTokens: BadTokens;
  readonly #revocations: Revocations;
  readonly #listeners = new Set<(revocation: Revocation) => void>();
  #refusedCount = 0;
  #reportedMs = -Infinity;
  #forgotMs = 0;
  /** Stored revocations that were not understood; told with the first token, when the node is up. */
  #unreadableCount = 0;

  constructor(options: AccessOptions) {
    const { keys, authorize, redis, records, rules, badTokens } = options;
    this.#options = options;
    this.isEnforced = keys !== null || authorize !== null;
    this.hasHook = authorize !== null;
    this.canMint = options.signing !== null && keys !== null;
    this.#tickets = new Tickets(redis);
    this.#badTokens = new BadTokens(badTokens.quota, badTokens.windowMs);
    this.#revocations = new Revocations(records, rules.lifetimeMaxMs + rules.clockToleranceMs);
  }

  async start(): Promise<void> {
    const nowMs = this.#options.now();
    this.#forgotMs = nowMs;
    this.#unreadableCount = await this.#revocations.load(nowMs);
  }

  close(): void {
    this.#options.keys?.close();
    this.#listeners.clear();
  }

  async authenticate(token: string | null, caller: Caller): Promise<Authentication> {
    const { keys, rules, now } = this.#options;
    if (keys === null) return { ok: true, identity: new KnownIdentity(null, caller) };
    if (token === null) return { ok: false, code: 'missing-token' };
    if (this.#unreadableCount > 0) {
      this.#options.report({ type: 'revocations-unreadable', count: this.#unreadableCount });
      this.#unreadableCount = 0;
    }
    const nowMs = now();
    if (this.#badTokens.isOver(caller.address, nowMs)) {
      return this.#refuse('rate-limited', 'too-many-bad-tokens', caller, nowMs);
    }
    const verified = await verifyToken(token, keys, rules, nowMs);
    if (!verified.ok) {
      // Nobody's fault but ours: it must not count against who asked.
      if (verified.code !== 'access-unavailable') this.#badTokens.note(caller.address, nowMs);
      return this.#refuse(verified.code, verified.reason, caller, nowMs);
    }
    const identity = new KnownIdentity(verified.claims, caller);
    if (this.#revocations.isRevoked(identity, null)) {
      return this.#refuse('token-revoked', 'revoked', caller, nowMs);
    }
    if (verified.claims.isTicket && !(await this.#isFirstUse(verified.claims, nowMs))) {
      this.#badTokens.note(caller.address, nowMs);
      return this.#refuse('invalid-token', 'ticket-used', caller, nowMs);
    }
    return { ok: true, identity };
  }

  async accessTo(identity: Identity, document: DocumentName): Promise<AccessLevel> {
    const { authorize, authorizeTimeoutMs, report } = this.#options;
    if (this.#revocations.isRevoked(identity, document)) return 'none';
    const access = KnownIdentity.grantsOf(identity).accessTo(document);
    const known = KnownIdentity.ask(identity);
    if (authorize === null || known === null) return access;
    const { claims, caller } = known;
    const { subject, tokenId } = identity;
    const { address, origin } = caller;
    try {
      return await askHook(
        authorize,
        { subject, tokenId, claims, document, access, address, origin },
        authorizeTimeoutMs,
      );
    } catch (error) {
      report({ type: 'hook-failed', document, error });
      throw new ProtocolError('access-unavailable');
    }
  }

  accessToNode(identity: Identity): AccessLevel {
    // Whoever decides about each document in a hook has not thereby made strangers operators of the node.
    if (this.#options.keys === null && this.hasHook) return 'none';
    return KnownIdentity.grantsOf(identity).accessToAll();
  }

  now(): number {
    return this.#options.now();
  }

  refusalOf(identity: Identity, document: DocumentName | null, nowMs: number): ErrorCode | null {
    const { expiresAtMs } = identity;
    if (expiresAtMs !== null && nowMs >= expiresAtMs + this.#options.rules.clockToleranceMs) {
      return 'token-expired';
    }
    if (this.#revocations.size === 0 || !this.#revocations.isRevoked(identity, document)) {
      return null;
    }
    return this.#revocations.isRevoked(identity, null) ? 'token-revoked' : 'forbidden';
  }

  revocations(): readonly Revocation[] {
    return this.#revocations.list();
  }

  mintTicket(identity: Identity): { token: string; expiresAtMs: number } | null {
    const { signing, rules, now } = this.#options;
    if (signing === null || identity.expiresAtMs === null) return null;
    const nowMs = now();
    const token = mintToken(signing, {
      subject: identity.subject,
      docs: KnownIdentity.grantsOf(identity).list,
      issuer: rules.issuer,
      audience: rules.audience,
      nowMs,
      expiresAtMs: identity.expiresAtMs,
      isTicket: true,
      parentId: identity.tokenId,
    });
    return { token, expiresAtMs: Math.min(identity.expiresAtMs, nowMs + TICKET_LIFETIME_MAX_MS) };
  }

  mintLink(identity: Identity, link: LinkRequest): MintedLink | null {
    const { signing, rules, now } = this.#options;
    if (signing === null || identity.expiresAtMs === null) return null;
    const isAdmin = allows(link.level, 'admin');
    const nowMs = now();
    const lifetimeMs = Math.min(link.lifetimeMs, rules.lifetimeMaxMs);
    const expiresAtMs = isAdmin
      ? nowMs + lifetimeMs
      : Math.min(nowMs + lifetimeMs, identity.expiresAtMs);
    const tokenId = randomUUID();
    const token = mintToken(signing, {
      // Revoking a user ends what they have handed on; an admin's links stand for themselves.
      subject: isAdmin ? (link.subject ?? `link-${tokenId}`) : identity.subject,
      docs: [{ match: link.document, access: link.access }],
      issuer: rules.issuer,
      audience: rules.audience,
      nowMs,
      expiresAtMs,
      isTicket: false,
      parentId: isAdmin ? null : identity.tokenId,
      tokenId,
    });
    return { token, tokenId: isAdmin ? tokenId : null, expiresAtMs };
  }

  async revoke(revocation: Revocation): Promise<void> {
    const parsed = this.#revocations.put(revocation);
    this.#options.report({ type: 'revoked', revocation: parsed });
    // Before the disk, which may hang: nobody stays in for that.
    for (const listener of this.#listeners) listener(parsed);
    await this.#revocations.store(parsed);
    const nowMs = this.#options.now();
    if (nowMs - this.#forgotMs > FORGET_EVERY_MS) {
      this.#forgotMs = nowMs;
      await this.#revocations.forget(nowMs);
    }
  }

  onRevoked(listener: (revocation: Revocation) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #isFirstUse(claims: Claims, nowMs: number): Promise<boolean> {
    const { payload, usableUntilMs } = claims;
    const untilMs = usableUntilMs + this.#options.rules.clockToleranceMs;
    return this.#tickets.use(String(payload['jti']), untilMs, nowMs);
  }

  #refuse(code: ErrorCode, reason: string, caller: Caller, nowMs: number): Authentication {
    const { report } = this.#options;
    report({ type: 'token-refused', reason });
    this.#refusedCount += 1;
    if (nowMs - this.#reportedMs >= REPORT_EVERY_MS) {
      report({
        type: 'tokens-refused',
        count: this.#refusedCount,
        lastReason: reason,
        lastAddress: caller.address,
      });
      this.#refusedCount = 0;
      this.#reportedMs = nowMs;
    }
    return { ok: false, code };
  }
}
