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
    seed: 20_281,
    claim:
      '[I2] a question to a node that is gone ends with it, and an empty node is told what there is',
  },
  {
    seed: 101_845,
    claim:
      '[I2] after a flapping link and a one-way cut of the same transport replicas are equal within 5 s: a lost question is put again, to whoever may be asked first',
  },
  {
    seed: 102_000,
    claim: '[I2] a snapshot is told of although the disk could not be read when it was made',
  },
  {
    seed: 335,
    claim:
      '[I2] a document that is deleted while the disk cannot be read is deleted here and elsewhere',
  },
  {
    seed: 3_722,
    claim:
      '[I2] a disk that could not be read for long has the snapshots of others soon after it can',
  },
  {
    seed: 3_808,
    claim:
      '[I2] what a node that has just started tells of snapshots, and nobody hears, it tells again',
  },
  {
    seed: 107_914,
    claim:
      '[I2] what an empty node asks for is asked for again when its answer was lost, although nobody has it open',
  },
  {
    seed: 100_818,
    claim: 'a document is served although its base was replaced while it was read',
  },
  ...[105_179, 106_057, 108_839].map((seed) => ({
    seed,
    claim:
      '[I1] deletions of an answer whose structs were lost are not taken: a replaced value was gone',
  })),
];
