/**
 * Text on its way out of a worker, bounded while it is written: formatting that is repeated at every word makes
 * some documents render to many times their size.
 */

/** Caught by who began to write. */
export class OutputTooLarge extends Error {
  override readonly name = 'OutputTooLarge';
}

export class Output {
  readonly #bytesMax: number;
  readonly #pieces: string[] = [];
  #units = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** @throws OutputTooLarge */
  write(text: string): void {
    // A UTF-16 unit takes at least one byte; `finish` counts exactly.
    this.#units += text.length;
    if (this.#units > this.#bytesMax) throw new OutputTooLarge();
    this.#pieces.push(text);
  }

  /** UTF-8. @throws OutputTooLarge */
  finish(): Uint8Array<ArrayBuffer> {
    const bytes = new TextEncoder().encode(this.#pieces.join(''));
    if (bytes.byteLength > this.#bytesMax) throw new OutputTooLarge();
    return bytes;
  }
}
