/**
 * Counts the different root types that an update names, by their bytes: nearly always the same name comes
 * again and again, and is recognised without building a string.
 */
export class RootNames {
  count: number = 0;
  #lastStart = 0;
  #lastStop = 0;
  #names: Set<string> | null = null;

  add(bytes: Uint8Array, start: number, stop: number): void {
    if (this.count > 0 && areEqual(bytes, this.#lastStart, this.#lastStop, start, stop)) return;
    if (this.count > 0) {
      this.#names ??= new Set([text(bytes, this.#lastStart, this.#lastStop)]);
      this.#names.add(text(bytes, start, stop));
    }
    this.count = this.#names?.size ?? 1;
    this.#lastStart = start;
    this.#lastStop = stop;
  }
}

function areEqual(bytes: Uint8Array, a: number, aStop: number, b: number, bStop: number): boolean {
  if (aStop - a !== bStop - b) return false;
  for (let offset = 0; offset < aStop - a; offset++) {
    if (bytes[a + offset] !== bytes[b + offset]) return false;
  }
  return true;
}

function text(bytes: Uint8Array, start: number, stop: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, stop - start).toString('latin1');
}
