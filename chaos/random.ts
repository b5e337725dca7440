/** One seed for everything that a run decides by chance. xoshiro128**, seeded by splitmix32: both in the public domain. */

export interface Random {
  /** In [0, 1). */
  readonly fraction: () => number;
  /** An integer in [0, end). */
  readonly below: (end: number) => number;
  readonly oneIn: (n: number) => boolean;
  readonly pick: <T>(items: readonly T[]) => T;
  /** Another stream of its own: whoever has it does not disturb the others. */
  readonly fork: () => Random;
}

export function seededRandom(seed: number): Random {
  const next = xoshiro(seed);
  const fraction = (): number => next() / 2 ** 32;
  const below = (end: number): number => Math.floor(fraction() * end);
  return {
    fraction,
    below,
    oneIn: (n) => below(n) === 0,
    pick: (items) => {
      if (items.length === 0) throw new RangeError('nothing to pick from');
      return items[below(items.length)] as (typeof items)[number];
    },
    fork: () => seededRandom(next()),
  };
}

function xoshiro(seed: number): () => number {
  let mix = seed >>> 0;
  const splitmix = (): number => {
    mix = (mix + 0x9e37_79b9) >>> 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x21f0_aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  let [a, b, c, d] = [splitmix(), splitmix(), splitmix(), splitmix()];
  return () => {
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotated(d, 11);
    return result;
  };
}

function rotated(x: number, by: number): number {
  return ((x << by) | (x >>> (32 - by))) >>> 0;
}
