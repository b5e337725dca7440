/**
 * Document names: parsed once, at the edge, into a branded string. What passes is safe as a LevelDB key,
 * a metric-free log field and a URL path, and has exactly one spelling.
 */

declare const brand: unique symbol;
export type DocumentName = string & { readonly [brand]: 'DocumentName' };

export const DOCUMENT_NAME_LENGTH_MAX = 200;

/** Letters and digits of any script (with their combining marks), and `- _ . ~ : @ / +` and space. */
const ALLOWED = /^[\p{L}\p{M}\p{N}\-_.~:@/+ ]+$/u;

/**
 * Returns the name, or null when it is none: 1–200 UTF-16 units of the allowed characters, NFC, no empty,
 * `.` or `..` segment between slashes, no leading or trailing space.
 */
export function parseDocumentName(text: string): DocumentName | null {
  if (text.length === 0 || text.length > DOCUMENT_NAME_LENGTH_MAX) return null;
  if (!ALLOWED.test(text) || text.normalize('NFC') !== text) return null;
  if (text.startsWith(' ') || text.endsWith(' ')) return null;
  for (const segment of text.split('/')) {
    if (segment === '' || segment === '.' || segment === '..') return null;
  }
  return text as DocumentName;
}
