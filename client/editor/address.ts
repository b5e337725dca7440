/** Which document a page address names: `/#notes`, `/#team/minutes`; `welcome` when it names none. */
import { parseDocumentName } from '../../server/protocol/document-name.ts';
import type { DocumentName } from '../../server/protocol/document-name.ts';

const DEFAULT_NAME = 'welcome';

/** `hash` as in `location.hash`. Null when it holds something that cannot be a document's name. */
export function nameInHash(hash: string): DocumentName | null {
  const encoded = hash.replace(/^#/, '');
  return parseDocumentName(encoded === '' ? DEFAULT_NAME : decode(encoded).normalize('NFC').trim());
}

export function hashOf(name: DocumentName): string {
  return `#${name.split('/').map(encodeURIComponent).join('/')}`;
}

/** The server that the page came from, as the provider wants it; a proxy may have put it under a path. */
export function serverUrlOf(pageUrl: string): string {
  const { href } = new URL('.', pageUrl);
  return href.replace(/^http/, 'ws').replace(/\/$/, '');
}

/** When the page calls something saved: `?durability=replicated` waits for another region. Undefined: as the node is. */
export function durabilityIn(search: string): 'local' | 'replicated' | undefined {
  const asked = new URLSearchParams(search).get('durability');
  return asked === 'local' || asked === 'replicated' ? asked : undefined;
}

/** Somebody may have typed a bare `%`. */
function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
