/**
 * Large answers that are held in memory while they are sent: readers of the same one share it, and all together are
 * bounded. Slow readers of many different ones are told to come back instead of filling the memory. [I6]
 */
import type { Response } from 'express';
import { ProtocolError } from '../protocol/errors.ts';

interface Entry {
  readonly size: number;
  readonly bytes: Promise<Uint8Array>;
  readers: number;
}

export class SharedBytes {
  readonly #entries = new Map<string, Entry>();
  readonly #bytesMax: number;
  #held = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /**
   * The bytes that `key` names, held until the response is closed. `size`: at most so many; one answer is always
   * possible. @throws ProtocolError `overloaded`
   */
  async get(
    key: string,
    size: number,
    response: Response,
    load: () => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    // It will not close again; and nobody reads the answer.
    if (response.destroyed) throw new ProtocolError('overloaded');
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      if (this.#held > 0 && this.#held + size > this.#bytesMax)
        throw new ProtocolError('overloaded');
      entry = { size, bytes: load(), readers: 0 };
      this.#entries.set(key, entry);
      this.#held += size;
    }
    const held = entry;
    held.readers += 1;
    response.once('close', () => {
      held.readers -= 1;
      if (held.readers > 0) return;
      this.#entries.delete(key);
      this.#held -= held.size;
    });
    return await held.bytes;
  }
}
