/**
 * Revocations on their way to the other nodes. Messages get lost, so new ones are repeated: with every heartbeat for
 * some seconds, with full ones for ten minutes, and all of them (the newest, if there are very many) when a node asks.
 * What came from another node is put in force here and not sent on by itself.
 */
import type { AccessControl, Revocation } from '../access/access.ts';
import { parseDocumentName } from '../protocol/document-name.ts';
import type { Timers } from '../rooms/timers.ts';
import type { RevokeMessage, RevokedAccess } from './messages.ts';

const FRESH_MS = 4_000;
const REPEATED_MS = 600_000;
/** At their longest some 100 KB. */
const MESSAGE_MAX = 64;
const TOLD_MAX = 1_024;

export interface SharedRevocationsOptions {
  readonly access: Pick<AccessControl, 'revocations' | 'revoke' | 'onRevoked'>;
  readonly timers: Timers;
  readonly send: (message: RevokeMessage) => void;
  readonly onError: (error: unknown) => void;
}

export class SharedRevocations {
  readonly #options: SharedRevocationsOptions;
  /** Made on this node lately: when. */
  #own: { readonly revoked: RevokedAccess; readonly madeMs: number }[] = [];
  /** Being put in force because another node said so. */
  readonly #taking = new Set<string>();
  #stop: () => void = () => undefined;

  constructor(options: SharedRevocationsOptions) {
    this.#options = options;
  }

  start(): void {
    const { access, timers } = this.#options;
    this.#stop = access.onRevoked((revocation) => {
      const revoked = toMessage(revocation);
      if (revoked === null || this.#taking.has(keyOf(revoked))) return;
      this.#own.push({ revoked, madeMs: timers.now() });
      if (this.#own.length > TOLD_MAX) this.#own.shift();
      this.#send([revoked]);
    });
  }

  onRevoke({ revocations }: RevokeMessage): void {
    const { access, onError } = this.#options;
    const known = new Map<string, number>();
    for (const revocation of access.revocations()) {
      const revoked = toMessage(revocation);
      if (revoked !== null) known.set(keyOf(revoked), revoked.atMs);
    }
    for (const revoked of revocations) {
      const key = keyOf(revoked);
      if ((known.get(key) ?? -Infinity) >= revoked.atMs || this.#taking.has(key)) continue;
      this.#taking.add(key);
      access
        .revoke(fromMessage(revoked))
        .catch(onError)
        .finally(() => {
          this.#taking.delete(key);
        });
    }
  }

  /** With each heartbeat. `isAsked`: another node may have missed anything. */
  repeat(isFull: boolean, isAsked: boolean): void {
    const nowMs = this.#options.timers.now();
    this.#own = this.#own.filter(({ madeMs }) => nowMs - madeMs < REPEATED_MS);
    const keepMs = isFull ? REPEATED_MS : FRESH_MS;
    const told = isAsked
      ? this.#all()
      : this.#own.filter(({ madeMs }) => nowMs - madeMs < keepMs).map(({ revoked }) => revoked);
    this.#send(told);
  }

  close(): void {
    this.#stop();
  }

  #all(): readonly RevokedAccess[] {
    return this.#options.access
      .revocations()
      .flatMap((revocation) => toMessage(revocation) ?? [])
      .toSorted((a, b) => b.atMs - a.atMs)
      .slice(0, TOLD_MAX);
  }

  #send(revoked: readonly RevokedAccess[]): void {
    for (let at = 0; at < revoked.length; at += MESSAGE_MAX) {
      const revocations = revoked.slice(at, at + MESSAGE_MAX);
      this.#options.send({ kind: 'revoke', revocations });
    }
  }
}

function toMessage({ tokenId, subject, document, atMs }: Revocation): RevokedAccess | null {
  const name = document === undefined ? null : parseDocumentName(document);
  if (document !== undefined && name === null) return null;
  return { tokenId: tokenId ?? null, subject: subject ?? null, document: name, atMs };
}

function fromMessage({ tokenId, subject, document, atMs }: RevokedAccess): Revocation {
  return {
    ...(tokenId === null ? {} : { tokenId }),
    ...(subject === null ? {} : { subject }),
    ...(document === null ? {} : { document }),
    atMs,
  };
}

function keyOf({ tokenId, subject, document }: RevokedAccess): string {
  return JSON.stringify([tokenId, subject, document]);
}
