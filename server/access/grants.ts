/**
 * What a token grants: its claim `docs: [{ match: "team-a/*", access: "write" }]`. Parsed strictly: one entry that
 * is not understood voids the claim, because half of an intention is not what its author meant.
 *
 * `match` is the whole name of a document; `*` in it stands for any run of characters, none and `/` included:
 * `team-a/*` is everything below team-a at any depth, `*` is everything, `team-*` is also `team-a/notes`. There
 * is no other special character and no escape. Of several grants that match, the highest counts; none takes away.
 */
import { DOCUMENT_NAME_LENGTH_MAX } from '../protocol/document-name.ts';
import { allows, type AccessLevel } from './access.ts';

/** A token of 8 KiB holds about 200 short ones; nobody needs as many. */
export const GRANTS_MAX = 100;

export interface Grant {
  readonly match: string;
  readonly access: Exclude<AccessLevel, 'none'>;
}

interface Pattern {
  /** What stands between the stars; one part: no star. */
  readonly parts: readonly string[];
  readonly access: AccessLevel;
}

export class Grants {
  static readonly none: Grants = new Grants([]);
  readonly list: readonly Grant[];
  readonly #patterns: readonly Pattern[];

  constructor(list: readonly Grant[]) {
    this.list = list;
    this.#patterns = list.map(({ match, access }) => ({ parts: match.split(/\*+/), access }));
  }

  accessTo(document: string): AccessLevel {
    let highest: AccessLevel = 'none';
    for (const { parts, access } of this.#patterns) {
      if (!allows(highest, access) && isMatch(parts, document)) highest = access;
    }
    return highest;
  }

  /** The level over everything: what the grants on `*` say. */
  accessToAll(): AccessLevel {
    let highest: AccessLevel = 'none';
    for (const { match, access } of this.list) {
      if (/^\*+$/.test(match) && !allows(highest, access)) highest = access;
    }
    return highest;
  }
}

/** No claim grants nothing; null: a claim that is not understood. */
export function parseGrants(claim: unknown): Grants | null {
  if (claim === undefined) return Grants.none;
  if (!Array.isArray(claim) || claim.length > GRANTS_MAX) return null;
  const grants: Grant[] = [];
  for (const entry of claim as unknown[]) {
    if (!isGrant(entry)) return null;
    grants.push({ match: entry.match, access: entry.access });
  }
  return new Grants(grants);
}

function isGrant(value: unknown): value is Grant {
  if (typeof value !== 'object' || value === null) return false;
  const { match, access, ...rest } = value as Record<string, unknown>;
  return (
    typeof match === 'string' &&
    match.length > 0 &&
    match.length <= DOCUMENT_NAME_LENGTH_MAX &&
    (access === 'read' || access === 'write' || access === 'admin') &&
    // A member that is not known may be a condition: ignoring it would widen the grant.
    Object.keys(rest).length === 0
  );
}

/** Leftmost first for what lies between the outer parts: linear, nothing is ever tried twice. */
function isMatch(parts: readonly string[], name: string): boolean {
  const first = parts[0] ?? '';
  if (parts.length === 1) return name === first;
  const last = parts.at(-1) ?? '';
  const end = name.length - last.length;
  if (end < first.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
