/**
 * All editors of a run: writers in two processes, and in a third one a reader of every document on every node, which never
 * writes and never leaves, so that what a node shows is seen without asking it.
 */
import { join } from 'node:path';
import type { Guard } from '../guard.ts';
import type { AckLevel } from '../history/events.ts';
import type { Random } from '../random.ts';
import { Crew } from './crew.ts';
import type { EditorPlan, Look, Order, Place, Report } from './orders.ts';

export interface FleetOptions {
  readonly places: readonly Place[];
  readonly docs: readonly string[];
  readonly editors: number;
  readonly opsPerSecond: number;
  readonly level: AckLevel;
  /** Whether writers go offline, come back and move. */
  readonly roams: boolean;
  /** Of each session, where the nodes want tokens. */
  readonly tokenOf?: (session: string, writes: boolean) => string | null;
  readonly random: Random;
  readonly folder: string;
  readonly guard: Guard;
}

const WRITER_CREWS = 2;
/** Of the writers: every third uses the client library, every fourth types a recorded session as well. */
const LIBRARY_EVERY = 3;
const TYPIST_EVERY = 4;

export class Fleet {
  readonly historyPaths: readonly string[];
  readonly #crews: readonly Crew[];

  private constructor(crews: readonly Crew[]) {
    this.#crews = crews;
    this.historyPaths = crews.map(({ plan }) => plan.historyPath);
  }

  static async open(options: FleetOptions): Promise<Fleet> {
    const { places, random, folder, guard } = options;
    const writers = plansOfWriters(options);
    const crews = [
      ...Array.from({ length: WRITER_CREWS }, (_, index) => ({
        proc: `writers-${index + 1}`,
        editors: writers.filter((_plan, position) => position % WRITER_CREWS === index),
      })),
      { proc: 'readers', editors: plansOfReaders(options) },
    ].filter(({ editors }) => editors.length > 0);
    return new Fleet(
      await Promise.all(
        crews.map(async ({ proc, editors }) => {
          const historyPath = join(folder, `${proc}.jsonl`);
          const seed = random.below(2 ** 32);
          return await Crew.open({ proc, seed, historyPath, places, editors }, guard);
        }),
      ),
    );
  }

  async order(order: Order): Promise<readonly Report[]> {
    return await Promise.all(this.#crews.map(async (crew) => await crew.order(order)));
  }

  async looks(deeply: boolean): Promise<readonly Look[]> {
    return (await this.report(deeply)).looks;
  }

  async report(deeply: boolean): Promise<Report> {
    return joined(await this.order({ do: 'look', deeply }));
  }

  /** Writes the histories out and kills the processes: nothing of these copies is ever sent again. */
  async destroy(): Promise<Report> {
    const reports = await Promise.all(this.#crews.map(async (crew) => await crew.destroy()));
    return joined(reports.filter((report): report is Report => report !== null));
  }
}

function joined(reports: readonly Report[]): Report {
  const sum = (of: (report: Report) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  return {
    looks: reports.flatMap(({ looks }) => looks),
    ops: sum(({ ops }) => ops),
    acked: sum(({ acked }) => acked),
    ackMs: reports.flatMap(({ ackMs }) => ackMs),
    reconnects: sum(({ reconnects }) => reconnects),
  };
}

function plansOfWriters(options: FleetOptions): EditorPlan[] {
  const { places, docs, editors, opsPerSecond, level, roams, tokenOf } = options;
  return Array.from({ length: editors }, (_, index): EditorPlan => {
    const place = places[index % places.length];
    // Each node has writers of several documents, and each document writers on several nodes.
    const round = Math.floor(index / places.length);
    const doc = docs[((index % places.length) + round) % docs.length];
    if (place === undefined || doc === undefined) throw new RangeError('no nodes or no documents');
    const session = `w${index + 1}`;
    return {
      session,
      doc,
      node: place.node,
      line: index % LIBRARY_EVERY === LIBRARY_EVERY - 1 ? 'library' : 'frames',
      level,
      writes: true,
      opsPerSecond,
      types: index % TYPIST_EVERY === 0,
      roams,
      token: tokenOf?.(session, true) ?? null,
    };
  });
}

function plansOfReaders({ places, docs, tokenOf }: FleetOptions): EditorPlan[] {
  return places.flatMap(({ node }) =>
    docs.map((doc): EditorPlan => {
      const session = `r-${node}-${doc}`;
      return {
        session,
        doc,
        node,
        line: 'frames',
        level: 'local',
        writes: false,
        opsPerSecond: 0,
        types: false,
        roams: false,
        token: tokenOf?.(session, false) ?? null,
      };
    }),
  );
}
