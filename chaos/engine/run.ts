/**
 * One run: a stage, editors, faults, and everything that is written down about them. A scenario's script says what happens
 * under load; the phases around it are the same for all:
 *
 *   start → baseline → script (faults under load) → rest → heal → quiet → settled
 *         → writers destroyed → every node killed and started alone → read from its disk → verify
 *
 * The writers are dead before the final reads (live ones would bring back what was lost), and every node is read with its
 * links cut (a peer would do the same).
 */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fleet } from '../editors/fleet.ts';
import type { Order, Place, Report } from '../editors/orders.ts';
import type { Fault } from '../faults/fault.ts';
import type { Env } from '../programs.ts';
import type { InvariantId, Verdict } from '../checker/verdict.ts';
import { HistoryRecorder } from '../history/recorder.ts';
import { seededRandom, type Random } from '../random.ts';
import type { Seat } from '../stage/seat.ts';
import { Stage } from '../stage/stage.ts';
import { holdsWithin, mono, pause } from './clock.ts';
import { isSettled } from './divergence.ts';
import { FaultLog } from './fault-log.ts';
import type { NodeAddress } from './observer.ts';
import { presenceSettled } from './presence.ts';
import { readAll } from './read-all.ts';
import { Rights, type AccessPlan } from './rights.ts';
import { Sampler } from './sampler.ts';
import type { RunOptions } from './options.ts';
import { verifyFacts, verifyFolder } from './verify.ts';

const DOCS = 'chaos-';
const BASELINE_MS = 2_000;
const CONNECT_TIMEOUT_MS = 30_000;
/** What is promised is `convergeMsMax`; a run waits longer, so that a failure can say how late it was. */
const PATIENCE = 4;
/** Between looks at copies that should come to agree. */
const QUIET_LOOK_MS = 200;
const OPS_PER_SECOND = 4;
/** FAULTS.md, K17. */
const RESOURCES_AFTER_MS = 60_000;

export interface RunSetup {
  readonly name: string;
  readonly options: RunOptions;
  readonly env: Env;
  readonly isFirstApart: boolean;
  readonly roams: boolean;
  /** Null: the nodes let everybody in. */
  readonly access: AccessPlan | null;
  /** Before the nodes start: mounts, other builds. */
  readonly prepare?: ((folder: string) => Promise<() => void>) | undefined;
}

export class Run {
  readonly options: RunOptions;
  readonly name: string;
  readonly random: Random;
  readonly stage: Stage;
  readonly fleet: Fleet;
  readonly folder: string;
  readonly docs: readonly string[];
  readonly recorder: HistoryRecorder;
  readonly rights: Rights;
  readonly startedMono: number = mono();
  readonly startedAt: Date = new Date();
  readonly faults: FaultLog;
  readonly sampler: Sampler;
  readonly #changed = new Set<() => void>();
  /** Work to undo at the end, last first. */
  readonly #cleanups: (() => Promise<void> | void)[] = [];
  readonly ownVerdicts: Verdict[] = [];
  /** Documents that nobody attacks: K16 compares them with the baseline. */
  neighbours: readonly string[] = [];
  phase = 'start';
  latest: Report = { looks: [], ops: 0, acked: 0, ackMs: [], reconnects: 0 };
  #isResting = false;

  private constructor(
    setup: RunSetup,
    parts: {
      readonly random: Random;
      readonly stage: Stage;
      readonly fleet: Fleet;
      readonly folder: string;
      readonly docs: readonly string[];
      readonly recorder: HistoryRecorder;
      readonly rights: Rights;
    },
  ) {
    this.options = setup.options;
    this.name = setup.name;
    this.random = parts.random;
    this.stage = parts.stage;
    this.fleet = parts.fleet;
    this.folder = parts.folder;
    this.docs = parts.docs;
    this.recorder = parts.recorder;
    this.rights = parts.rights;
    this.faults = new FaultLog(parts.recorder, this.startedMono, (line) => {
      this.say(line);
    });
    this.sampler = new Sampler({
      nodes: parts.stage.seats.map(({ id, url }) => ({ node: id, url })),
      fleet: parts.fleet,
      recorder: parts.recorder,
      startedMono: this.startedMono,
      onReport: (report) => {
        this.latest = report;
        this.#tell();
      },
    });
  }

  static async start(setup: RunSetup): Promise<Run> {
    try {
      return await Run.#start(setup);
    } catch (error) {
      // Ports are found free and taken a moment later; somebody else may have been quicker.
      if (!(error instanceof Error && error.message.includes('address is in use'))) throw error;
      return await Run.#start(setup);
    }
  }

  static async #start(setup: RunSetup): Promise<Run> {
    const { options, env, isFirstApart, roams } = setup;
    const random = seededRandom(options.seed);
    const recorder = new HistoryRecorder({ mono, wall: Date.now });
    const rights = new Rights({ plan: setup.access, recorder, match: `${DOCS}*` });
    const folder = mkdtempSync(join(tmpdir(), 'syncline-chaos-'));
    const unprepare = (await setup.prepare?.(folder)) ?? null;
    const stage = await Stage.start(
      {
        regions: options.regions,
        nodes: options.nodes,
        random: random.fork(),
        folder,
        serverMain: options.serverMain,
        env: { ...env, ...rights.env },
        isFirstApart,
      },
      {
        onLine: (name, line) => {
          if (/"level":(50|60)|^Error|FATAL/.test(line)) options.say(`[${name}] ${line}`);
        },
      },
    ).catch((error: unknown) => {
      unprepare?.();
      throw error;
    });
    const docs = Array.from({ length: options.documents }, (_, index) => `${DOCS}${index + 1}`);
    const places = stage.seats.map(({ id, clientUrl }): Place => ({ node: id, url: clientUrl }));
    mkdirSync(join(folder, 'history'));
    try {
      for (const { id, region } of stage.seats) {
        recorder.record('driver', { f: 'node', node: id, region, type: 'ready' });
      }
      const fleet = await Fleet.open({
        places,
        docs,
        editors: options.editors,
        opsPerSecond: OPS_PER_SECOND,
        level: options.level,
        roams,
        tokenOf: rights.tokenOf.bind(rights),
        random: random.fork(),
        folder: join(folder, 'history'),
        guard: stage.guard,
      });
      const run = new Run(setup, { random, stage, fleet, folder, docs, recorder, rights });
      if (unprepare !== null) run.onEnd(unprepare);
      return run;
    } catch (error) {
      unprepare?.();
      await stage.kill();
      throw error;
    }
  }

  get elapsedMs(): number {
    return mono() - this.startedMono;
  }

  onChange(listener: () => void): () => void {
    this.#changed.add(listener);
    return () => this.#changed.delete(listener);
  }

  onEnd(cleanup: () => Promise<void> | void): void {
    this.#cleanups.push(cleanup);
  }

  say(line: string): void {
    const seconds = (this.elapsedMs / 1_000).toFixed(1).padStart(6);
    this.options.say(`${seconds} s  ${line}`);
  }

  async baseline(baselineMs: number = BASELINE_MS): Promise<void> {
    this.#enter('baseline');
    const isReady = await holdsWithin(CONNECT_TIMEOUT_MS, async () =>
      (await this.fleet.looks(false)).every(({ isSynced }) => isSynced),
    );
    if (!isReady) throw new Error('not every editor could connect, and nothing is broken yet');
    await this.sampler.start();
    await this.fleet.order({ do: 'type' });
    await pause(baselineMs);
    await this.sampler.take('baseline', this.#seatsWithout([]));
    this.recorder.record('driver', { f: 'mark', name: 'baseline-end' });
    this.#enter('load');
  }

  async inject(fault: Fault): Promise<void> {
    if (this.options.isControl) return;
    await this.faults.inject(fault);
    this.#tell();
  }

  async heal(fault: Fault): Promise<void> {
    await this.faults.heal(fault);
    this.#tell();
  }

  /** What the scenario itself promises, beside the invariants. */
  promise(id: InvariantId, name: string, isKept: boolean, text: string): void {
    this.say(`${isKept ? 'kept' : 'BROKEN'}: ${name}: ${text}`);
    this.ownVerdicts.push({
      id,
      name,
      status: isKept ? 'passed' : 'failed',
      evidence: isKept ? [] : [{ text }],
      violations: isKept ? 0 : 1,
      counts: { checked: 1 },
      notes: [text],
    });
  }

  /** Load goes on for a part of the run's seconds. */
  async load(share: number): Promise<void> {
    await pause(this.options.seconds * 1_000 * share);
  }

  async order(order: Order): Promise<void> {
    await this.fleet.order(order);
  }

  /** From here on nobody edits. Safe to call twice. */
  async rest(): Promise<void> {
    if (this.#isResting) return;
    this.#isResting = true;
    await this.fleet.order({ do: 'rest' });
    this.#enter('rest');
  }

  /** Who was on this node is gone, copies and all: nobody brings back what it lost. */
  async forget(seat: Seat): Promise<void> {
    await this.fleet.order({ do: 'forget', node: seat.id });
  }

  /** A node as the driver asks it, past the proxies. */
  addressOf({ id, url }: Seat): NodeAddress {
    return { node: id, url, token: this.rights.driverToken };
  }

  /** A node's end and its return, for the history. */
  nodeFact(seat: Seat, type: 'started' | 'ready' | 'crashed' | 'stopped' | 'disk-lost'): void {
    this.recorder.record('driver', { f: 'node', node: seat.id, region: seat.region, type });
  }

  /** Heals, and waits in silence until all copies agree: at most `PATIENCE` times as long as promised. */
  async settle(): Promise<void> {
    await this.rest();
    const under = this.faults.underWay;
    for (const fault of under) if (fault.scope !== 'bus') await this.heal(fault);
    const isBusBroken = under.some(({ scope }) => scope === 'bus');
    const awaitsAcks = !(isBusBroken && this.options.level === 'replicated');
    await holdsWithin(CONNECT_TIMEOUT_MS, async () => {
      const looks = await this.fleet.looks(false);
      return looks.every(
        (look) => look.isSynced && !look.isReading && (!awaitsAcks || look.unacked === 0),
      );
    });
    await this.fleet.order({ do: 'pin' });
    for (const fault of under) if (fault.scope === 'bus') await this.heal(fault);
    this.recorder.record('driver', { f: 'mark', name: 'quiet' });
    this.#enter('quiet');
    const quietMono = mono();
    const isEqual = await holdsWithin(
      this.options.convergeMsMax * PATIENCE,
      async () => {
        // Each round is written down: when copies agreed for good is the checker's to say.
        await this.fleet.order({ do: 'record', phase: 'settled' });
        this.latest = await this.fleet.report(false);
        return isSettled(this.latest.looks);
      },
      QUIET_LOOK_MS,
    );
    const tookMs = Math.round(mono() - quietMono);
    this.say(isEqual ? `all copies agree after ${tookMs} ms` : `NOT EQUAL after ${tookMs} ms`);
    this.say(await presenceSettled(this.fleet, this.options.patience));
    await this.fleet.order({ do: 'record', phase: 'settled' });
    await this.#readAll('settled');
    this.recorder.record('driver', { f: 'mark', name: 'settled' });
  }

  /** For K17: a minute of silence with everybody still there, then a look at what the nodes hold. */
  async watchResources(): Promise<void> {
    this.#enter('after');
    await pause(RESOURCES_AFTER_MS);
    const other = this.recorder.history.flatMap((event) =>
      event.f === 'node' && event.type !== 'ready' ? [event.node] : [],
    );
    // A process that began later has another baseline.
    await this.sampler.take('after', this.#seatsWithout(other));
  }

  /** Kills everything, and reads what each disk alone has. */
  async readDisks(): Promise<void> {
    this.#enter('check');
    this.sampler.stop();
    this.latest = await this.fleet.destroy();
    this.recorder.record('driver', { f: 'mark', name: 'writers-destroyed' });
    for (const seat of this.stage.seats) {
      await seat.kill();
      this.nodeFact(seat, 'crashed');
      // Nothing but its disk: peers would bring what it lost.
      for (const { link } of seat.busLinks) {
        link.refuse(true);
        link.resetAll();
      }
    }
    await Promise.all(
      this.stage.seats.map(async (seat) => {
        this.nodeFact(seat, 'started');
        try {
          await seat.start();
          this.nodeFact(seat, 'ready');
        } catch (error) {
          this.say(`${seat.id} does not start: ${String(error)}`);
        }
      }),
    );
    this.recorder.record('driver', { f: 'mark', name: 'nodes-restarted' });
    await this.#readAll('final');
    await Promise.all(
      this.stage.seats.map(async (seat) => {
        await seat.kill();
        const verification = await verifyFolder(seat.dataDir, this.options.serverMain);
        for (const fact of verifyFacts(seat.id, this.docs, verification)) {
          this.recorder.record('driver', fact);
        }
      }),
    );
    this.recorder.record('driver', { f: 'mark', name: 'end' });
  }

  async end(): Promise<void> {
    this.sampler.stop();
    for (const cleanup of this.#cleanups.toReversed()) {
      try {
        await cleanup();
      } catch (error) {
        this.say(`cleaning up: ${String(error)}`);
      }
    }
    await this.stage.kill();
  }

  #seatsWithout(nodes: readonly string[]): NodeAddress[] {
    const seats = this.stage.seats.filter(({ id }) => !nodes.includes(id));
    return seats.map((seat) => this.addressOf(seat));
  }

  async #readAll(phase: 'settled' | 'final'): Promise<void> {
    const nodes = this.stage.seats.filter(({ isRunning }) => isRunning);
    await readAll(
      this.recorder,
      nodes.map((seat) => this.addressOf(seat)),
      this.docs,
      phase,
      phase === 'final',
    );
  }

  #enter(phase: string): void {
    this.phase = phase;
    this.say(phase);
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#changed) listener();
  }
}
