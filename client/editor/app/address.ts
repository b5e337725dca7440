/**
 * What a page address says: `/#notes`, `/#team/minutes`, with the token of a shared link behind a question mark:
 * `/#notes?token=…`. What follows the `#` never leaves the browser. `welcome` when it names no document.
 */
import { parseDocumentName } from '../../../server/protocol/document-name.ts';
import type { DocumentName } from '../../../server/protocol/document-name.ts';

const DEFAULT_NAME = 'welcome';

/** `hash` as in `location.hash`. Null when it holds something that cannot be a document's name. */
export function nameInHash(hash: string): DocumentName | null {
  const encoded = parts(hash).name;
  return parseDocumentName(encoded === '' ? DEFAULT_NAME : decode(encoded).normalize('NFC').trim());
}

/** The token of a shared link. */
export function tokenInHash(hash: string): string | null {
  return new URLSearchParams(parts(hash).query).get('token');
}

export function hashOf(name: DocumentName, token?: string): string {
  const encoded = `#${name.split('/').map(encodeURIComponent).join('/')}`;
  return token === undefined ? encoded : `${encoded}?token=${encodeURIComponent(token)}`;
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

function parts(hash: string): { readonly name: string; readonly query: string } {
  const [name = '', query = ''] = hash.replace(/^#/, '').split('?', 2);
  return { name, query };
}

/** Somebody may have typed a bare `%`. */
function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
