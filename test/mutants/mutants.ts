/**
 * Builds that are broken on purpose, each in one promise: whatever proves that the promise holds must fail on it, or it
 * proves nothing. An edit names a file of the build, a text that is in it exactly once, and what stands there instead.
 */
export interface Edit {
  /** Below dist/. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: MutantName;
  /** What is broken, and so what must be noticed. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  /** Seeds that notice it. */
  readonly noticedBy: readonly number[];
  /** The simulation has noticed it by then: seeds, from 1. */
  readonly seedsMax: number;
}

export type MutantName =
  | 'ack before sync'
  | 'ignore sequence gaps'
  | 'digest without delete set'
  | 'no sync round on resubscribe'
  | 'redundant acked at once'
  | 'no reopen after ENOSPC'
  | 'batch confirmed before it is written'
  | 'replicated acks without a replica'
  | 'heartbeats say nothing'
  | 'deleted snapshots are forgotten'
  | 'snapshots acked before they are written';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'ack before sync',
    breaks: 'I1: an ack is sent when the update is accepted, not when its batch is on disk',
    edits: [
      {
        file: 'server/rooms/durability.js',
        find: 'durable.then(() => {',
        replace: 'Promise.resolve().then(() => {',
      },
    ],
    noticedBy: [2, 22, 49],
    seedsMax: 200,
  },
  {
    name: 'batch confirmed before it is written',
    breaks: 'I1: the group commit goes on while LevelDB still writes',
    edits: [
      {
        file: 'persistence/database.js',
        find: `                await handle.write(batch);
            }
            const isSameLog`,
        replace: `                void handle.write(batch).catch(() => undefined);
            }
            const isSameLog`,
      },
    ],
    noticedBy: [22],
    seedsMax: 200,
  },
  {
    name: 'redundant acked at once',
    breaks: 'I1: what was sent twice is acked although its first copy waits for the disk',
    edits: [
      {
        file: 'server/rooms/session.js',
        find: "if (this.#lastOffer === 'redundant' && room.context.sabotage.ackRedundantAtOnce === true) {",
        replace: "if (this.#lastOffer === 'redundant') {",
      },
    ],
    noticedBy: [22, 49, 50],
    seedsMax: 1_000,
  },
  {
    name: 'no reopen after ENOSPC',
    breaks: 'I1: writes go on over a database handle that has failed one',
    edits: [
      {
        file: 'persistence/database.js',
        find: 'this.#hasFailed = this.#options.sabotage.skipReopen !== true;',
        replace: 'this.#hasFailed = false;',
      },
    ],
    noticedBy: [22, 17],
    seedsMax: 400,
  },
  {
    name: 'ignore sequence gaps',
    breaks:
      'I1, replicated: an update that was lost on the bus counts as received when the next one comes',
    edits: [
      {
        file: 'server/fanout/arrivals.js',
        find: 'const isBroken = chains.note(',
        replace: 'const isBroken = false && chains.note(',
      },
      {
        file: 'server/fanout/receipts.js',
        find: 'previousSeq <= chain.heldSeq',
        replace: 'previousSeq >= 0',
      },
    ],
    noticedBy: [220],
    seedsMax: 1_500,
  },
  {
    name: 'replicated acks without a replica',
    breaks: 'I1, replicated: clients that ask for another region are told of this disk',
    edits: [
      {
        file: 'server/rooms/session-acks.js',
        find: "if (this.#level === 'replicated')",
        replace: 'if (false)',
      },
    ],
    noticedBy: [27],
    seedsMax: 1_500,
  },
  {
    name: 'digest without delete set',
    breaks: 'I2: replicas that differ in deletions only look equal',
    edits: [
      {
        file: 'server/fanout/digest.js',
        find: "return Buffer.from(version.digest(), 'hex').subarray(0, DIGEST_BYTES);",
        replace:
          "return createHash('sha256').update(version.encodeStateVector()).digest().subarray(0, DIGEST_BYTES);",
      },
    ],
    noticedBy: [3, 38, 47],
    seedsMax: 400,
  },
  {
    name: 'no sync round on resubscribe',
    breaks:
      'I2: neither the return of a link nor that of a node leads to a round; alone, each of the two covers for the other',
    edits: [
      {
        file: 'server/fanout/fanout.js',
        find: "if (link.status === 'up') {",
        replace: 'if (false) {',
      },
      {
        file: 'server/fanout/fanout.js',
        find: `            this.#engine?.heartbeat.tellAll();
            this.#firstContact.end();`,
        replace: '            this.#firstContact.end();',
      },
      {
        file: 'server/fanout/sweep-part.js',
        find: 'sweep.greet();',
        replace: '{}',
      },
    ],
    // A full heartbeat finds it within ten seconds: only what lies between two of them is late.
    noticedBy: [6551, 7255, 7536],
    seedsMax: 200,
  },
  {
    name: 'heartbeats say nothing',
    breaks: 'I2: a lost last message is found by nobody',
    edits: [
      {
        file: 'server/fanout/heartbeat.js',
        find: 'if (this.#hasLeft || isMute)',
        replace: 'if (true)',
      },
    ],
    noticedBy: [11],
    seedsMax: 200,
  },
  {
    name: 'deleted snapshots are forgotten',
    breaks: 'I2: a snapshot that was deleted on one node comes back from another',
    edits: [
      {
        file: 'server/rooms/snapshot-records.js',
        find: 'await this.#remove(document, id, [{ key: deletedKeyOf(document, id), value: GONE }]);',
        replace: 'await this.#remove(document, id);',
      },
    ],
    noticedBy: [30],
    seedsMax: 200,
  },
  {
    name: 'snapshots acked before they are written',
    breaks: 'I1: a snapshot is promised and gone after a crash',
    edits: [
      {
        file: 'server/rooms/history.js',
        find: 'await this.#inTime(this.#telling(name, this.#records.write(name, info, gzipped)));',
        replace:
          'void this.#telling(name, this.#records.write(name, info, gzipped)).catch(() => null);',
      },
    ],
    noticedBy: [450],
    seedsMax: 200,
  },
];
