/**
 * What a client wrote and gets back when it is durable: in the y-websocket family the echo is the ack (`@y/websocket` 4
 * counts an update as saved when a sync message contains it). Until then nothing that it is sent may contain it. [I1]
 */
import { coalesce } from './broadcast.ts';

interface Echo {
  readonly seq: number;
  /** What of it another region must have; -1: nothing. */
  readonly chainSeq: number;
  readonly bytes: Uint8Array;
}

export class Echoes {
  #waiting: Echo[] = [];
  #bytes = 0;

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Held until it is sent. */
  get bytes(): number {
    return this.#bytes;
  }

  /** An update that is durable, with everything it repeats, once both numbers of its room are; see session-acks.ts. */
  add(update: Uint8Array, seq: number, chainSeq: number): void {
    // A small update is a slice of a large read buffer, which must not be kept for it.
    const bytes = new Uint8Array(update);
    this.#waiting.push({ seq, chainSeq, bytes });
    this.#bytes += bytes.byteLength;
  }

  /** What is durable now, as few updates, up to about `bytesMax`: the rest the next time. */
  take(durableSeq: number, replicatedSeq: number, bytesMax: number): readonly Uint8Array[] {
    let count = 0;
    let bytes = 0;
    for (const { seq, chainSeq, bytes: update } of this.#waiting) {
      if (seq > durableSeq || chainSeq > replicatedSeq || bytes > bytesMax) break;
      if (count > 0 && bytes + update.byteLength > bytesMax) break;
      count += 1;
      bytes += update.byteLength;
    }
    this.#bytes -= bytes;
    return coalesce(this.#waiting.splice(0, count)).map((echo) => echo.bytes);
  }
}
