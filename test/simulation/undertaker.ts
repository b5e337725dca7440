/**
 * A document that people write to and delete, on whichever node they are. A deletion that was acked holds everywhere and for
 * good, whatever was written elsewhere meanwhile; nothing of the document is left on any disk; and while nobody deletes it,
 * what was acked is everywhere.
 */
import * as Y from 'yjs';
import {
  deletionKey,
  documentRange,
  nameKey,
  recordKey,
  recordRange,
  stateVectorKey,
  type KeyRange,
} from '../../persistence/keys.ts';
import { recordsOfDocument } from '../../persistence/record-keys.ts';
import { decodeDocument } from '../../persistence/records.ts';
import { ProtocolError } from '../../server/protocol/errors.ts';
import type { Random } from '../support/random.ts';
import type { Replicas } from './replicas.ts';
import { Requests, type Promised } from './requests.ts';
import type { Life, SimNode } from './sim-node.ts';
import { DOOMED, type Stage } from './stage.ts';

interface Written extends Promised {
  readonly client: number;
}

/** After a start, what a crash has left of a deletion is removed. */
const REMOVED_MS_MAX = 2_000;

export class Undertaker {
  readonly #stage: Stage;
  readonly #replicas: Replicas;
  readonly #random: Random;
  readonly #requests = new Requests();
  readonly #written: Written[] = [];
  readonly #deleted: Promised[] = [];
  #hasTried = false;

  constructor(stage: Stage, replicas: Replicas) {
    this.#stage = stage;
    this.#replicas = replicas;
    this.#random = stage.random('undertaker');
  }

  /** Deletions that were acked. */
  get deletions(): number {
    return this.#deleted.length;
  }

  write(): void {
    const client = 1 + this.#random.below(2 ** 31);
    const doc = new Y.Doc({ guid: '' });
    doc.clientID = client;
    doc.getText('text').insert(0, `of ${client}`);
    const update = Y.encodeStateAsUpdate(doc);
    this.#at(async (life, promised) => {
      const work = life.documents.write(DOOMED, update, { isCreating: true });
      if ((await this.#requests.answered(life, work)) === null) return;
      this.#stage.log(`${promised.node.name} takes ${client} of ${DOOMED}`);
      this.#written.push({ ...promised, client });
    });
  }

  delete(): void {
    this.#at(async (life, promised) => {
      this.#hasTried = true;
      this.#stage.log(`${promised.node.name} is asked to delete ${DOOMED}`);
      const work = life.documents.delete(DOOMED).then(() => true);
      if ((await this.#requests.answered(life, work)) === null) return;
      this.#stage.log(`${promised.node.name} deletes ${DOOMED}`);
      this.#deleted.push(promised);
    });
  }

  /** Waits until it is the same everywhere, and checks that. */
  async settle(msMax: number): Promise<void> {
    const { scheduler, present } = this.#stage;
    const isSettled = (): boolean =>
      !this.#requests.isWaiting(present) && this.#difference() === null;
    if (!(await scheduler.runUntil(isSettled, msMax))) {
      this.#stage.fail(`after ${msMax} ms: ${this.#difference() ?? 'a request is not answered'}`);
    }
    this.#check();
  }

  /** When all nodes were restarted. */
  async checkRestarted(): Promise<void> {
    const { scheduler, present } = this.#stage;
    this.#check();
    const difference = this.#difference();
    if (difference !== null) this.#stage.fail(`after a restart: ${difference}`);
    const left = (): string[] => present.flatMap((node) => this.#leftOn(node));
    if (!(await scheduler.runUntil(() => left().length === 0, REMOVED_MS_MAX))) {
      this.#stage.fail(`of a deleted document there are ${left().join()}`);
    }
    for (const node of present) await this.#ask(node);
  }

  /** It says what is on its disk. */
  async #ask(node: SimNode): Promise<void> {
    const { life } = node;
    if (life === null || !isDeletedOn(node)) return;
    let answer = 'no answer';
    void life.documents.version(DOOMED).then(
      () => {
        answer = 'served';
      },
      (error: unknown) => {
        answer = error instanceof ProtocolError ? error.code : String(error);
      },
    );
    await this.#stage.scheduler.runUntil(() => answer !== 'no answer', REMOVED_MS_MAX);
    if (answer !== 'document-deleted') {
      this.#stage.fail(`${node.name} says of a deleted document: ${answer}`);
    }
  }

  #at(work: (life: Life, promised: Promised) => Promise<void>): void {
    const up = this.#stage.nodes.filter((node) => node.isUp);
    if (up.length === 0) return;
    const node = this.#random.pick(up);
    if (node.life === null) return;
    const isAfterLoss = this.#stage.hasLostDisk(node);
    void this.#stage.guard(work(node.life, { node, isAfterLoss }));
  }

  #difference(): string | null {
    const [first, ...others] = this.#stage.present;
    if (first === undefined) return null;
    const expected = this.#stateOn(first);
    for (const node of others) {
      const found = this.#stateOn(node);
      if (found !== expected) return `${DOOMED}: ${first.name} ${expected} | ${node.name} ${found}`;
    }
    return null;
  }

  #stateOn(node: SimNode): string {
    return isDeletedOn(node) ? 'deleted' : this.#replicas.fingerprint(node, DOOMED);
  }

  #check(): void {
    const { present } = this.#stage;
    const isDeleted = this.#deleted.some((promised) => !this.#stage.mayHaveLost(promised));
    for (const node of present) {
      if (isDeleted && !isDeletedOn(node)) this.#stage.fail(`${DOOMED} is back on ${node.name}`);
      if (this.#hasTried) continue;
      const clocks = this.#replicas.clocks(node, DOOMED);
      for (const written of this.#written) {
        if (this.#stage.mayHaveLost(written) || clocks.has(written.client)) continue;
        this.#stage.fail(`what ${written.client} wrote to ${DOOMED} is not on ${node.name}`);
      }
    }
  }

  /** Keys of what should have been removed. */
  #leftOn(node: SimNode): string[] {
    if (!isDeletedOn(node)) return [];
    const ranges = [
      documentRange(DOOMED),
      recordsOfDocument(DOOMED),
      recordRange('sums', DOOMED),
      recordRange('quarantine', DOOMED),
      ...[
        stateVectorKey(DOOMED),
        deletionKey(DOOMED),
        recordKey('base', DOOMED),
        recordKey('skips', DOOMED),
      ].map(alone),
    ];
    return ranges
      .flatMap((range) => node.disk.entriesIn(range))
      .map(([key]) => `${node.name} ${JSON.stringify(key.toString('latin1'))}`);
  }
}

function isDeletedOn({ disk }: SimNode): boolean {
  const [entry] = disk.entriesIn(alone(nameKey(DOOMED)));
  return entry !== undefined && decodeDocument(entry[1])?.deletedAtMs !== null;
}

function alone(key: Buffer): KeyRange {
  return { gte: key, lt: Buffer.concat([key, Buffer.of(0)]) };
}
