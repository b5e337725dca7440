/**
 * Seeds that once failed, and what was wrong. A seed stands for a schedule of one version of the simulation: what it
 * found is also kept as a mutant (test/mutants), which must go on being noticed whatever seeds mean later.
 */
export interface KnownSeed {
  readonly seed: number;
  readonly claim: string;
}

export const KNOWN_SEEDS: readonly KnownSeed[] = [
  {
    seed: 1257,
    claim: '[I2] a node that has restarted speaks of what others have otherwise',
  },
  {
    seed: 2559,
    claim: '[I2] a question that waits its turn does not outwait a link that came up',
  },
  {
    seed: 3195,
    claim: '[I2] the same, after a node that heard nothing',
  },
  {
    seed: 20_281,
    claim:
      '[I2] a question to a node that is gone ends with it, and an empty node is told what there is',
  },
];
