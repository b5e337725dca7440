/**
 * What was revoked: tokens, users, or either on one document. Durable in the store, loaded before the node
 * listens, forgotten when no token that was issued before can still be accepted. Looked up synchronously and in
 * constant time, for connections that ask at every message.
 *
 * A record that does not parse revokes nobody: an empty pattern would otherwise be everybody.
 */
import { createHash } from 'node:crypto';
import { parseDocumentName } from '../protocol/document-name.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { Identity, Revocation } from './access.ts';

/** The part of the store's `RecordStore` that is needed. */
export interface RevocationRecords {
  list(query: {
    readonly space: 'revocation';
    readonly document: null;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly { readonly id: string; readonly value: Uint8Array | null }[]>;
  write(
    changes: readonly {
      readonly key: {
        readonly space: 'revocation';
        readonly document: null;
        readonly id: string;
      };
      readonly value: Uint8Array | null;
    }[],
  ): Promise<void>;
}

/** At 200 bytes each some 20 MB; more than this is a user table, not a list of exceptions. */
const REVOCATIONS_MAX = 100_000;
const PAGE = 1000;
const TEXT_LENGTH_MAX = 200;

export class Revocations {
  readonly #records: RevocationRecords | null;
  /** How long a revocation can matter: the longest life of a token. */
  readonly #keepMs: number;
  readonly #byId = new Map<string, Revocation>();
  /** Under the first of token, subject and document that each one names. */
  readonly #byTokenId = new Map<string, Revocation[]>();
  readonly #bySubject = new Map<string, Revocation[]>();
  readonly #byDocument = new Map<string, Revocation[]>();

  constructor(records: RevocationRecords | null, keepMs: number) {
    this.#records = records;
    this.#keepMs = keepMs;
  }

  get size(): number {
    return this.#byId.size;
  }

  list(): readonly Revocation[] {
    return [...this.#byId.values()];
  }

  /** Reads what is stored. Returns how many records were not understood. */
  async load(nowMs: number): Promise<number> {
    if (this.#records === null) return 0;
    let after: string | undefined;
    let unreadable = 0;
    for (;;) {
      const page = await this.#records.list({
        space: 'revocation',
        document: null,
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      for (const { value } of page) {
        const revocation = value === null ? null : parseRevocation(decodeJson(value));
        if (revocation === null) unreadable += 1;
        else this.#remember(revocation);
      }
      after = page.at(-1)?.id;
      if (page.length < PAGE) break;
    }
    await this.forget(nowMs);
    return unreadable;
  }

  /** In force when it returns, durable after `store`. @throws ProtocolError `invalid-request`, `overloaded` */
  put(revocation: Revocation): Revocation {
    const parsed = parseRevocation(revocation);
    if (parsed === null) throw new ProtocolError('invalid-request', 'a revocation names nobody');
    if (this.size >= REVOCATIONS_MAX) throw new ProtocolError('overloaded', 'too many revocations');
    this.#remember(parsed);
    // A later one that was there already stays, on the disk too.
    return this.#byId.get(idOf(parsed)) ?? parsed;
  }

  /** Resolves when it is durable. @throws ProtocolError `store-unavailable` */
  async store(revocation: Revocation): Promise<void> {
    await this.#write([{ id: idOf(revocation), value: Buffer.from(JSON.stringify(revocation)) }]);
  }

  /** Drops what no token can still be touched by. */
  async forget(nowMs: number): Promise<void> {
    const old = [...this.#byId].filter(([, { atMs }]) => atMs + this.#keepMs < nowMs);
    if (old.length === 0) return;
    for (const [id, revocation] of old) this.#drop(id, revocation);
    await this.#write(old.map(([id]) => ({ id, value: null })));
  }

  /** `document`: true also for what was revoked on that document only. */
  isRevoked(identity: Identity, document: string | null): boolean {
    if (this.#byId.size === 0) return false;
    const { tokenId, subject } = identity;
    return (
      (tokenId !== null && isAnyOf(this.#byTokenId.get(tokenId), identity, document)) ||
      isAnyOf(this.#bySubject.get(subject), identity, document) ||
      (document !== null && isAnyOf(this.#byDocument.get(document), identity, document))
    );
  }

  async #write(changes: readonly { id: string; value: Uint8Array | null }[]): Promise<void> {
    try {
      await this.#records?.write(
        changes.map(({ id, value }) => ({
          key: { space: 'revocation' as const, document: null, id },
          value,
        })),
      );
    } catch (error) {
      throw new ProtocolError('store-unavailable', `not durable: ${String(error)}`);
    }
  }

  #remember(revocation: Revocation): void {
    const id = idOf(revocation);
    const before = this.#byId.get(id);
    if (before !== undefined) {
      if (before.atMs >= revocation.atMs) return;
      this.#drop(id, before);
    }
    this.#byId.set(id, revocation);
    const [index, key] = this.#indexOf(revocation);
    const entries = index.get(key);
    if (entries === undefined) index.set(key, [revocation]);
    else entries.push(revocation);
  }

  #drop(id: string, revocation: Revocation): void {
    this.#byId.delete(id);
    const [index, key] = this.#indexOf(revocation);
    const rest = (index.get(key) ?? []).filter((entry) => entry !== revocation);
    if (rest.length === 0) index.delete(key);
    else index.set(key, rest);
  }

  #indexOf({ tokenId, subject, document }: Revocation): [Map<string, Revocation[]>, string] {
    if (tokenId !== undefined) return [this.#byTokenId, tokenId];
    if (subject !== undefined) return [this.#bySubject, subject];
    return [this.#byDocument, document ?? ''];
  }
}

function isAnyOf(
  revocations: readonly Revocation[] | undefined,
  identity: Identity,
  document: string | null,
): boolean {
  return revocations?.some((revocation) => applies(revocation, identity, document)) ?? false;
}

/** Everything that it names has to fit. */
function applies(revocation: Revocation, identity: Identity, document: string | null): boolean {
  const { tokenId, subject, document: only, atMs } = revocation;
  if (tokenId !== undefined && tokenId !== identity.tokenId) return false;
  if (subject !== undefined && subject !== identity.subject) return false;
  if (only !== undefined && only !== document) return false;
  return identity.issuedAtMs === null || identity.issuedAtMs <= atMs;
}

/** From a request, a record or another node. Null when it is malformed or names nobody. */
export function parseRevocation(value: unknown): Revocation | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const { tokenId, subject, document, atMs, ...rest } = value as Record<string, unknown>;
  if (Object.keys(rest).length > 0) return null;
  if (typeof atMs !== 'number' || !Number.isFinite(atMs) || atMs < 0) return null;
  const names = [tokenId, subject, document];
  if (names.every((name) => name === undefined)) return null;
  if (!names.every((name) => name === undefined || isText(name))) return null;
  if (isText(document) && parseDocumentName(document) === null) return null;
  return {
    ...(isText(tokenId) ? { tokenId } : {}),
    ...(isText(subject) ? { subject } : {}),
    ...(isText(document) ? { document } : {}),
    atMs,
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= TEXT_LENGTH_MAX;
}

/** One record for each thing that is revoked: a later one replaces an earlier one. */
function idOf({ tokenId, subject, document }: Revocation): string {
  const key = JSON.stringify([tokenId ?? null, subject ?? null, document ?? null]);
  return createHash('sha256').update(key).digest('hex').slice(0, 32);
}

function decodeJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}
