/**
 * States compressed once for everybody who asks: by document, version, what was left out, and coding. In memory,
 * bounded by bytes; zlib works on its own threads.
 */
import { constants, createBrotliCompress, createGzip } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import type { Coding } from './entity-tags.ts';

/** Less gains nothing that a packet would notice. */
const BYTES_MIN = 1024;
/** Cheap levels: a state is text mostly, and the first reader waits. */
const GZIP_LEVEL = 1;
const BROTLI_QUALITY = 1;

export class CompressedStates {
  readonly #cache: LRUCache<string, Uint8Array>;
  readonly #running = new Map<string, Promise<Uint8Array>>();

  constructor(bytesMax: number) {
    this.#cache = new LRUCache({
      maxSize: bytesMax,
      sizeCalculation: (bytes, key) => bytes.byteLength + key.length,
    });
  }

  /** The coding of an answer of so many bytes, of those the client takes. */
  codingFor(bytes: number, accepted: readonly string[]): Coding | null {
    if (bytes < BYTES_MIN) return null;
    if (accepted.includes('br')) return 'br';
    return accepted.includes('gzip') ? 'gzip' : null;
  }

  /** `key` names the content: equal keys, equal content. */
  async get(key: string, coding: Coding, parts: readonly Uint8Array[]): Promise<Uint8Array> {
    const codedKey = `${coding} ${key}`;
    const known = this.#cache.get(codedKey) ?? this.#running.get(codedKey);
    if (known !== undefined) return await known;
    const running = compress(coding, parts).finally(() => this.#running.delete(codedKey));
    this.#running.set(codedKey, running);
    const bytes = await running;
    this.#cache.set(codedKey, bytes);
    return bytes;
  }
}

async function compress(coding: Coding, parts: readonly Uint8Array[]): Promise<Uint8Array> {
  const stream =
    coding === 'gzip'
      ? createGzip({ level: GZIP_LEVEL })
      : createBrotliCompress({
          params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY },
        });
  const chunks: Buffer[] = [];
  const done = new Promise<void>((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('end', resolve).once('error', reject);
  });
  for (const part of parts) stream.write(part);
  stream.end();
  await done;
  return Buffer.concat(chunks);
}
