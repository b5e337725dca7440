/**
 * The tokens that this browser was given, by links or by its owner: one for each document, and one for all others.
 * They stay in this browser's storage, which only pages of this origin read; the page loads no code from elsewhere.
 */
import type { DocumentName } from '../../../server/protocol/document-name.ts';
import { readJson, type Memory } from './storage.ts';

const KEY = 'tokens';
const ACCESS_KEY = 'access';
/** Of the token that is good for more than one document. */
const ANY = '';

export class KeyRing {
  readonly #memory: Memory;
  #tokens: Record<string, string>;

  constructor(memory: Memory) {
    this.#memory = memory;
    this.#tokens = readJson<Record<string, string>>(memory, KEY, {});
  }

  /** Null: none; the server then says whether it wants one. */
  tokenFor(name: DocumentName): string | null {
    return this.#tokens[name] ?? this.#tokens[ANY] ?? null;
  }

  /** For what is not about one document. */
  get general(): string | null {
    return this.#tokens[ANY] ?? Object.values(this.#tokens)[0] ?? null;
  }

  /** What the server last said that one may do; null: anything, or not known. */
  lastAccess(name: DocumentName): string | null {
    return readJson<Record<string, string>>(this.#memory, ACCESS_KEY, {})[name] ?? null;
  }

  noteAccess(name: DocumentName, access: string): void {
    const known = readJson<Record<string, string>>(this.#memory, ACCESS_KEY, {});
    const isRestricted = access === 'read';
    if (isRestricted === (known[name] === 'read')) return;
    if (isRestricted) known[name] = access;
    else delete known[name];
    this.#memory.write(ACCESS_KEY, JSON.stringify(known));
  }

  keep(token: string, name: DocumentName): void {
    const documents = documentsIn(token);
    const isGeneral = documents.some((match) => match.includes('*')) || documents.length > 1;
    // A narrower one that has ended must not stand in front of the new one.
    if (isGeneral) delete this.#tokens[name];
    this.#tokens[isGeneral ? ANY : name] = token;
    this.#memory.write(KEY, JSON.stringify(this.#tokens));
  }
}

/** What a token grants, unverified: only to know where to keep it. */
function documentsIn(token: string): readonly string[] {
  try {
    const payload = token.split('.')[1] ?? '';
    const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
    const { docs } = claims as { docs?: readonly { match?: unknown }[] };
    return (docs ?? []).map(({ match }) => String(match));
  } catch {
    return [];
  }
}
