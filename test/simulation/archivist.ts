/**
 * People who keep snapshots and throw them away, on whichever node they are, and what they were promised: a snapshot that was
 * acked is on every node in the end, holds at least what was durable when it was asked for, and does not come back once it
 * is deleted. What lies on the disks is looked at from outside, as replicas.ts does.
 */
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { idOfRecordKey, recordsOfSpace } from '../../persistence/record-keys.ts';
import { decodeOpaque } from '../../persistence/records.ts';
import type { RecordSpace } from '../../persistence/store.ts';
import type { DocumentName } from '../../server/protocol/document-name.ts';
import type { Random } from '../support/random.ts';
import { clocksOf, type Replicas } from './replicas.ts';
import { Requests, type Promised } from './requests.ts';
import type { Life, SimNode } from './sim-node.ts';
import { DOOMED, type Stage } from './stage.ts';

interface Done extends Promised {
  readonly document: DocumentName;
  readonly id: string;
}

interface Made extends Done {
  /** What must be in it. */
  readonly clocks: ReadonlyMap<number, number>;
}

interface Stored {
  /** What is known of it, in one order of keys. */
  readonly info: string;
  readonly bytes: number;
  readonly state: Uint8Array;
}

/** Of one document on one disk. */
interface Look {
  readonly snapshots: ReadonlyMap<string, Stored>;
  readonly deleted: ReadonlySet<string>;
  readonly fingerprint: string;
}

const WHO = 'somebody';
/** What has changed lately is told every 10 s, whoever noticed what; who seemed silent is asked again by then. */
const SETTLED_MS_MAX = 20_000;

export class Archivist {
  /** From the silence until the same ones were everywhere; -1: nobody has waited for that. */
  settledMs = -1;
  readonly #stage: Stage;
  readonly #replicas: Replicas;
  readonly #random: Random;
  readonly #made: Made[] = [];
  readonly #deleted: Done[] = [];
  /** Whether they are deleted only the disks know. */
  readonly #doomed = new Set<string>();
  readonly #requests = new Requests();
  readonly #looks = new Map<string, { readonly version: number; readonly look: Look }>();

  constructor(stage: Stage, replicas: Replicas) {
    this.#stage = stage;
    this.#replicas = replicas;
    this.#random = stage.random('archivist');
  }

  /** Snapshots that were acked. */
  get made(): number {
    return this.#made.length;
  }

  /** Keeps one, or throws one away. */
  act(document: DocumentName): void {
    const random = this.#random;
    const up = this.#stage.nodes.filter((node) => node.isUp);
    if (up.length === 0) return;
    const node = random.pick(up);
    const { life } = node;
    if (life === null) return;
    const ids = [...this.#look(node, document).snapshots.keys()];
    const isDeleting = ids.length > 0 && random.oneIn(3);
    const work = isDeleting
      ? this.#delete(node, life, document, random.pick(ids))
      : this.#make(node, life, document);
    void this.#stage.guard(work);
  }

  /** Waits until the same snapshots are everywhere, and checks them. */
  async settle(documents: readonly DocumentName[]): Promise<void> {
    const { scheduler } = this.#stage;
    const beganMs = scheduler.nowMs;
    const differs = (): string | null => this.#difference(documents);
    const isSettled = (): boolean =>
      !this.#requests.isWaiting(this.#stage.present) && differs() === null;
    const isEqual = await scheduler.runUntil(isSettled, SETTLED_MS_MAX);
    this.settledMs = scheduler.nowMs - beganMs;
    if (!isEqual) this.#stage.fail(`after ${SETTLED_MS_MAX} ms: ${differs()}`);
    this.check();
  }

  /** What was promised must be so on every disk. */
  check(): void {
    for (const problem of this.#problems()) this.#stage.fail(problem);
  }

  /** Null: the same snapshots are on all disks. */
  #difference(documents: readonly DocumentName[]): string | null {
    for (const document of documents) {
      const [first, ...others] = this.#stage.present;
      if (first === undefined) return null;
      const expected = this.#look(first, document);
      for (const node of others) {
        const found = this.#look(node, document);
        if (found.fingerprint === expected.fingerprint) continue;
        return `snapshots of ${document}: ${first.name} ${said(expected)} | ${node.name} ${said(found)}`;
      }
    }
    return null;
  }

  #problems(): string[] {
    const problems: string[] = [];
    const { present } = this.#stage;
    for (const made of this.#made) {
      if (this.#doomed.has(made.id) || this.#stage.mayHaveLost(made)) continue;
      for (const node of present) {
        const stored = this.#look(node, made.document).snapshots.get(made.id);
        const what = stored === undefined ? 'is not there' : wrongWith(stored, made.clocks);
        if (what !== null)
          problems.push(`snapshot ${made.id} of ${made.node.name} ${what} on ${node.name}`);
      }
    }
    for (const gone of this.#deleted) {
      if (this.#stage.mayHaveLost(gone)) continue;
      for (const node of present) {
        if (!this.#look(node, gone.document).snapshots.has(gone.id)) continue;
        problems.push(
          `snapshot ${gone.id}, deleted on ${gone.node.name}, is there on ${node.name}`,
        );
      }
    }
    return problems;
  }

  async #make(node: SimNode, life: Life, document: DocumentName): Promise<void> {
    const clocks = this.#replicas.clocks(node, document);
    const isAfterLoss = this.#stage.hasLostDisk(node);
    if (life.history === null) return;
    const info = await this.#requests.answered(life, life.history.create(document, null, WHO));
    if (info === null) return;
    this.#stage.log(`${node.name} keeps ${info.id} of ${document}`);
    if (document === DOOMED) return; // it goes with its document
    this.#made.push({ document, id: info.id, node, isAfterLoss, clocks });
  }

  async #delete(node: SimNode, life: Life, document: DocumentName, id: string): Promise<void> {
    this.#doomed.add(id);
    const isAfterLoss = this.#stage.hasLostDisk(node);
    if (life.history === null) return;
    const work = life.history.delete(document, id).then(() => true);
    const done = await this.#requests.answered(life, work);
    if (done === null) return;
    this.#stage.log(`${node.name} deletes ${id} of ${document}`);
    this.#deleted.push({ document, id, node, isAfterLoss });
  }

  #look(node: SimNode, document: DocumentName): Look {
    const key = `${node.name} ${document}`;
    const known = this.#looks.get(key);
    const { version } = node.disk;
    if (known?.version === version) return known.look;
    const look = lookAt(node, document);
    this.#looks.set(key, { version, look });
    return look;
  }
}

function lookAt({ disk }: SimNode, document: DocumentName): Look {
  const rows = (space: RecordSpace): [id: string, value: Buffer][] =>
    disk.entriesIn(recordsOfSpace({ space, document })).map(([key, value]) => {
      const payload = decodeOpaque(value);
      if (payload === null) throw new Error(`a damaged record of ${document}`);
      // Without its format.
      return [idOfRecordKey(key, { space, document }), Buffer.from(payload.subarray(1))];
    });
  const pieces = rows('snapshot-state');
  const snapshots = new Map<string, Stored>();
  for (const [id, value] of rows('snapshot')) {
    const known = JSON.parse(value.toString()) as Record<string, unknown> & { bytes: number };
    if (known['isComplete'] !== true) continue;
    const own = pieces.filter(([piece]) => piece.startsWith(`${id}.`)).map(([, bytes]) => bytes);
    const info = JSON.stringify(Object.entries(known).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    snapshots.set(id, { info, bytes: known.bytes, state: Buffer.concat(own) });
  }
  const deleted = new Set(rows('snapshot-deleted').map(([id]) => id));
  const hash = createHash('sha256').update(JSON.stringify([...deleted]));
  for (const { info, state } of snapshots.values()) hash.update(info).update(state);
  return { snapshots, deleted, fingerprint: hash.digest('base64') };
}

function said({ snapshots, deleted }: Look): string {
  return `${[...snapshots.keys()].join() || 'none'}, deleted ${[...deleted].join() || 'none'}`;
}

function wrongWith({ bytes, state }: Stored, clocks: ReadonlyMap<number, number>): string | null {
  const update = gunzipSync(state);
  if (update.length !== bytes) return `has ${update.length} bytes instead of ${bytes}`;
  const held = clocksOf([update]);
  for (const [client, clock] of clocks) {
    const has = held.get(client) ?? 0;
    if (has < clock) return `lacks ${clock - has} of client ${client}`;
  }
  return null;
}
