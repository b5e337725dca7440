/**
 * What a document has, as the query of a request. URLs are short: of a document that very many clients wrote only the
 * longest lines are named. To leave one out is to ask for more than is missing, never for less.
 */
import * as encoding from 'lib0/encoding';
import * as Y from 'yjs';
import { toBase64Url } from './base64.ts';

/** Node and common proxies take 8 KiB of request line; base64 makes 4 of 3. */
const VECTOR_BYTES_MAX = 4096;
/** Two varints: a 32-bit client and a clock. */
const ENTRY_BYTES_MAX = 5 + 6;

/** `?since=…`, or nothing for an empty document. */
export function sinceOf(doc: Y.Doc): string {
  let vector = Y.encodeStateVector(doc);
  if (vector.byteLength <= 1) return '';
  if (vector.byteLength > VECTOR_BYTES_MAX) {
    const entries = [...Y.decodeStateVector(vector)]
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, Math.floor(VECTOR_BYTES_MAX / ENTRY_BYTES_MAX));
    vector = encoding.encode((encoder) => {
      encoding.writeVarUint(encoder, entries.length);
      for (const [client, clock] of entries) {
        encoding.writeVarUint(encoder, client);
        encoding.writeVarUint(encoder, clock);
      }
    });
  }
  return `?since=${toBase64Url(vector)}`;
}
