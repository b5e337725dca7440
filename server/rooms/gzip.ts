/** States are packed before they are stored or sent, off this thread. The simulation, where threads would bring chance in, has its own. */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

const compress = promisify(gzip);
const uncompress = promisify(gunzip);

export interface Gzip {
  readonly pack: (bytes: Uint8Array) => Promise<Uint8Array<ArrayBuffer>>;
  /** Null: it is not gzipped, or is more than `bytesMax` unpacked. */
  readonly unpack: (gzipped: Uint8Array, bytesMax: number) => Promise<Uint8Array | null>;
}

export const threadGzip: Gzip = {
  pack: (bytes) => compress(bytes),
  unpack: async (gzipped, bytesMax) => {
    try {
      return await uncompress(gzipped, { maxOutputLength: Math.max(1, bytesMax) });
    } catch {
      return null;
    }
  },
};
