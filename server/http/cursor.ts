/**
 * Where a page of names ended, as an opaque string. A name that the caller may not read must not stand in it: such
 * a cursor is sealed with a key of this process, the others can be read by any node. [I7]
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { parseDocumentName, type DocumentName } from '../protocol/document-name.ts';
import { ProtocolError } from '../protocol/errors.ts';

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const PLAIN = 'p';
const SEALED = 's';

export class Cursors {
  readonly #key: Uint8Array = randomBytes(32);

  encode(name: string, isReadable: boolean): string {
    return isReadable
      ? PLAIN + Buffer.from(name).toString('base64url')
      : SEALED + this.#seal(Buffer.from(name)).toString('base64url');
  }

  /** @throws ProtocolError `invalid-request`: none of ours, or sealed by a node that has restarted since */
  decode(cursor: string): DocumentName {
    const bytes = Buffer.from(cursor.slice(1), 'base64url');
    const text = cursor.startsWith(SEALED) ? this.#open(bytes) : bytes.toString();
    const isKnown = cursor.startsWith(PLAIN) || cursor.startsWith(SEALED);
    const name = text === null || !isKnown ? null : parseDocumentName(text);
    if (name === null) throw new ProtocolError('invalid-request', 'Not a cursor; start anew.');
    return name;
  }

  #seal(bytes: Uint8Array): Buffer {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, iv);
    const sealed = Buffer.concat([cipher.update(bytes), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]);
  }

  #open(bytes: Buffer): string | null {
    try {
      const decipher = createDecipheriv(ALGORITHM, this.#key, bytes.subarray(0, IV_BYTES));
      decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
      const rest = bytes.subarray(IV_BYTES + TAG_BYTES);
      return Buffer.concat([decipher.update(rest), decipher.final()]).toString();
    } catch {
      return null;
    }
  }
}
