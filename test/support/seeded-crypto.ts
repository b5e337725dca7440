/**
 * Must be imported before Yjs: lib0 takes the platform's random numbers when it is loaded, and every `new Y.Doc()` rolls
 * an id. In a process that simulates they come from a seed, so that nothing depends on chance (and a third of the time is
 * saved). Never imported by anything that serves.
 */
import { webcrypto } from 'node:crypto';
import { seededRandom } from './random.ts';

const random = seededRandom(0x51ed_c0de);
/** For whoever imports this for its effect only. */
export const isSeeded: boolean = true;

Object.defineProperty(webcrypto, 'getRandomValues', {
  value: <T extends ArrayBufferView>(array: T): T => {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let index = 0; index < bytes.length; index += 4) {
      const word = random.below(2 ** 32);
      for (let at = 0; at < 4 && index + at < bytes.length; at += 1) {
        bytes[index + at] = word >>> (8 * at);
      }
    }
    return array;
  },
});
