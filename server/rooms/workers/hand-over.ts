/** Results of a task on their way out of its thread. */
import { move, transferableSymbol, valueSymbol } from 'piscina';

/** Hands the buffers of a result over to the main thread; nothing else in this thread refers to them. */
export function handOver<T>(value: T, buffers: readonly Uint8Array[]): T {
  const transferable = {
    [transferableSymbol]: buffers.map((bytes) => bytes.buffer),
    [valueSymbol]: value as object,
  };
  // The pool unwraps it on the way out: the caller gets `value`.
  return move(transferable) as unknown as T;
}
