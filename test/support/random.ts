/**
 * Seeded randomness for tests: the same seed gives the same run on every machine, so that a failure can
 * be replayed from the number it printed. Not for secrets.
 */

export interface Random {
  /** A float in [0, 1). */
  float(): number;
  /** An integer in [0, below). */
  below(below: number): number;
  /** True once in `n` calls, on average. */
  oneIn(n: number): boolean;
  pick<T>(items: readonly T[]): T;
}

/** A 32-bit counter run through an avalanche of shifts and multiplications (the splitmix family). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x9e37_79b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0_aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a_2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  const below = (limit: number): number => Math.floor((next() / 2 ** 32) * limit);
  return {
    float: () => next() / 2 ** 32,
    below,
    oneIn: (n) => below(n) === 0,
    pick: <T>(items: readonly T[]): T => {
      if (items.length === 0) throw new RangeError('pick from an empty list');
      return items[below(items.length)] as T;
    },
  };
}
