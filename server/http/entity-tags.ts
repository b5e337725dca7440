/**
 * Entity tags: the digest of a document's version, in quotes; a coded answer has the coding at its end, as its bytes
 * are others. In If-None-Match all of them name the version. (RFC 9110 §8.8, §13.1.2)
 */
export type Coding = 'gzip' | 'br';

const SUFFIXES: Readonly<Record<Coding, string>> = { gzip: '-gz', br: '-br' };
const TAG = /(?:W\/)?"([^"]*)"/g;

export function entityTag(digest: string, coding: Coding | null = null): string {
  return `"${digest}${coding === null ? '' : SUFFIXES[coding]}"`;
}

/** The tag of the list that names this version, as the caller wrote it; null when there is none. `*` names any. */
export function matchingTag(ifNoneMatch: string | undefined, digest: string): string | null {
  if (ifNoneMatch === undefined) return null;
  if (ifNoneMatch.trim() === '*') return entityTag(digest);
  for (const [tag, opaque = ''] of ifNoneMatch.matchAll(TAG)) {
    if (opaque.replace(/-(gz|br)$/, '') === digest) return tag.replace(/^W\//, '');
  }
  return null;
}
