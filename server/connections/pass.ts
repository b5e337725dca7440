/**
 * What a live connection was let in with: its identity and level, kept up to date while it lasts. It ends with its
 * token, at once when that is revoked, and when the embedder's hook changes its mind; it is renewed in band.
 * One for each connection of a node with access control; others have none and pay nothing.
 */
import {
  allows,
  type AccessControl,
  type AccessLevel,
  type Caller,
  type Identity,
} from '../access/access.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import { ProtocolError, type ErrorCode } from '../protocol/errors.ts';
import type { Session } from '../rooms/session.ts';
import type { Timers } from '../rooms/timers.ts';

export interface PassContext {
  readonly access: AccessControl;
  readonly timers: Timers;
  readonly recheckIntervalMs: number;
}

/** Who can renew a token in band is told this long before it ends. */
const WARN_MS = 60_000;
/** Renewals within a minute; each costs a signature check and a question to the hook. */
const RENEWALS_MAX = 20;
const RENEWALS_PERIOD_MS = 60_000;

export class Pass {
  readonly caller: Caller;
  readonly document: DocumentName;
  readonly #context: PassContext;
  #identity: Identity;
  #canWrite: boolean;
  #isWarned = false;
  #askedMs: number;
  #isAsking = false;
  /** The hook failed last time. Once is forgiven: an outage of it must not end every session at once. */
  #hasFailed = false;
  #renewals = 0;
  #renewalsSinceMs = -Infinity;

  /** `level`: what `accessTo` answered; at least `read`. */
  constructor(
    context: PassContext,
    caller: Caller,
    document: DocumentName,
    identity: Identity,
    level: AccessLevel,
  ) {
    this.#context = context;
    this.caller = caller;
    this.document = document;
    this.#identity = identity;
    this.#canWrite = allows(level, 'write');
    this.#askedMs = context.timers.now();
  }

  get identity(): Identity {
    return this.#identity;
  }

  get canWrite(): boolean {
    return this.#canWrite;
  }

  /** Null while it is good. Cheap: asked before every message that writes. */
  refusal(): ErrorCode | null {
    const { access } = this.#context;
    return access.refusalOf(this.#identity, this.document, access.now());
  }

  /** About once a second, and after every revocation: ends the session, warns it, asks the hook again. */
  check(session: Session): void {
    const { access, timers, recheckIntervalMs } = this.#context;
    const refusal = this.refusal();
    if (refusal !== null) {
      session.close(refusal);
      return;
    }
    const { expiresAtMs } = this.#identity;
    const leftMs = expiresAtMs === null ? Infinity : expiresAtMs - access.now();
    if (leftMs <= WARN_MS && !this.#isWarned) {
      this.#isWarned = true;
      session.warnOfExpiry(Math.max(0, Math.floor(leftMs / 1000)));
    }
    const isDue = access.hasHook && timers.now() - this.#askedMs >= recheckIntervalMs;
    if (isDue && !this.#isAsking) void this.#askAgain(session);
  }

  /** A new token came in band. The session waits for the outcome before it handles what follows. */
  async renew(token: string, session: Session): Promise<void> {
    const { access } = this.#context;
    if (this.#isRenewedTooOften()) {
      session.close('rate-limited');
      return;
    }
    const result = await access.authenticate(token, this.caller);
    if (!result.ok) {
      session.close(result.code);
      return;
    }
    const { identity } = result;
    if (identity.subject !== this.#identity.subject) {
      session.close('forbidden', 'the token of another user');
      return;
    }
    const level = await access.accessTo(identity, this.document);
    this.#identity = identity;
    this.#isWarned = false;
    this.#apply(level, session);
    // Revoked while we asked.
    const refusal = this.refusal();
    if (refusal !== null) session.close(refusal);
  }

  #apply(level: AccessLevel, session: Session): void {
    if (!allows(level, 'read')) {
      session.close('forbidden');
      return;
    }
    this.#canWrite = allows(level, 'write');
    session.setCanWrite(this.#canWrite);
  }

  /** Never rejects. */
  async #askAgain(session: Session): Promise<void> {
    const { access, timers } = this.#context;
    this.#isAsking = true;
    const identity = this.#identity;
    try {
      const level = await access.accessTo(identity, this.document);
      this.#hasFailed = false;
      // A renewal meanwhile has asked for its own identity.
      if (identity === this.#identity && !session.isClosed) this.#apply(level, session);
    } catch (error) {
      if (this.#hasFailed) {
        session.close(error instanceof ProtocolError ? error.code : 'access-unavailable');
      }
      this.#hasFailed = true;
    } finally {
      this.#askedMs = timers.now();
      this.#isAsking = false;
    }
  }

  #isRenewedTooOften(): boolean {
    const nowMs = this.#context.timers.now();
    if (nowMs - this.#renewalsSinceMs > RENEWALS_PERIOD_MS) {
      this.#renewalsSinceMs = nowMs;
      this.#renewals = 0;
    }
    this.#renewals += 1;
    return this.#renewals > RENEWALS_MAX;
  }
}
