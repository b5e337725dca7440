/**
 * Lives of one node after one another, on one folder. Each begins with a read that nobody but the disk can have answered.
 * Documents change every few lives, so that reading stays cheap; all of them are read again at the end.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readByRest, timedRead } from '../engine/observer.ts';
import type { Guard } from '../guard.ts';
import type { HistoryRecorder } from '../history/recorder.ts';
import { freePorts, WatchedProcess, type ProcessSpec } from '../processes.ts';
import { nodeProgram, type Env } from '../programs.ts';
import type { Random } from '../random.ts';
import { Tracer } from '../faults/strace.ts';
import {
  resendAndDie,
  writeAndDie,
  type Written,
  type WritingOptions,
  type WritingResult,
} from './life.ts';
import { cutLog } from './power-loss.ts';

export type LifeKind = 'kill' | 'cut' | 'traced' | 'resend';

export interface LaneOptions {
  readonly name: string;
  readonly folder: string;
  readonly serverMain: string | null;
  readonly random: Random;
  readonly recorder: HistoryRecorder;
  readonly guard: Guard;
  /** For lives of kind `traced`: starts the node behind something that kills it. */
  readonly wrap?: (spec: ProcessSpec, random: Random) => ProcessSpec;
}

export interface LaneCounts {
  kills: number;
  cuts: number;
  /** Lives that ended before anything could be read or acked: behind strace that is what is wanted. */
  early: number;
  acked: number;
  cutBytes: number;
  lost: number;
  readonly ackToKillMs: number[];
  readonly lifeMs: number[];
}

/** Before it is done, so that a commit hangs while others wait: microseconds. */
const SLOW_SYNC = 'fdatasync:delay_enter=1500000';
const LIVES_PER_DOCUMENT = 20;
const ACKS_MAX = 4;
const BURST_ACKS_MAX = 12;

export class Lane {
  readonly docs: string[] = [];
  readonly counts: LaneCounts = {
    kills: 0,
    cuts: 0,
    early: 0,
    acked: 0,
    cutBytes: 0,
    lost: 0,
    ackToKillMs: [],
    lifeMs: [],
  };
  readonly #options: LaneOptions;
  readonly #port: number;
  #lives = 0;
  #elements = 0;
  #ackedHere: string[] = [];

  private constructor(options: LaneOptions, port: number) {
    this.#options = options;
    this.#port = port;
    mkdirSync(options.folder, { recursive: true });
  }

  static async open(options: LaneOptions): Promise<Lane> {
    const [port = 0] = await freePorts(1);
    return new Lane(options, port);
  }

  get #url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts, reads, writes, dies; and is cut, if it is to be. */
  async live(kind: LifeKind): Promise<void> {
    const { name, folder, random } = this.#options;
    const startedMs = performance.now();
    if (this.#lives % LIVES_PER_DOCUMENT === 0) {
      this.docs.push(`${name}-${this.docs.length + 1}`);
      this.#ackedHere = [];
    }
    this.#lives += 1;
    const doc = this.docs.at(-1) ?? '';
    const node = this.#process(kind === 'traced');
    try {
      await this.#start(node);
    } catch (error) {
      if (kind !== 'traced' || !isKilled(error)) throw error;
      this.counts.early += 1;
      this.#fact('crashed');
      return;
    }
    await this.#read(doc, kind === 'traced');
    const result =
      kind === 'resend'
        ? await this.#resend(node, doc)
        : await this.#write(node, doc, kind, random);
    this.#fact('crashed');
    this.#told(doc, result.client, result.written);
    if (result.ackToKillMs !== null) this.counts.ackToKillMs.push(result.ackToKillMs);
    if (kind === 'cut' && result.atLastAck !== null) {
      const cut = cutLog(folder, result.atLastAck, random);
      if (cut !== null) {
        this.counts.cuts += 1;
        this.counts.cutBytes += cut.cutBytes;
      }
    } else this.counts.kills += 1;
    this.counts.lifeMs.push(performance.now() - startedMs);
  }

  /** The last life: everything is read once more, and it ends in order. */
  async readAll(): Promise<void> {
    const node = this.#process(false);
    await this.#start(node);
    for (const doc of this.docs) {
      const at = { node: this.#options.name, url: this.#url };
      const { fact: read, answeredMs } = await timedRead({
        at,
        doc,
        phase: 'final',
        isolated: true,
      });
      this.#options.recorder.record('driver', read);
      this.#options.recorder.record('driver', {
        f: 'open',
        type: read.type,
        node: this.#options.name,
        doc,
        durationMs: answeredMs,
        ...(read.hasPending === undefined ? {} : { hasPending: read.hasPending }),
      });
    }
    await node.end();
    this.#fact('stopped');
  }

  #process(isTraced: boolean): WatchedProcess {
    const { name, folder, serverMain, random, guard, wrap } = this.#options;
    // Now and then compaction is busy when the end comes.
    const env: Env = {
      NODE_ID: name,
      DATA_DIR: join(folder),
      LOG_LEVEL: 'error',
      ...(random.oneIn(3) ? { COMPACT_TAIL_UPDATES: '10', COMPACT_TAIL_BYTES: '1KiB' } : {}),
    };
    const spec = nodeProgram(name, this.#port, env, serverMain ?? undefined);
    const wrapped = isTraced && wrap !== undefined ? wrap(spec, random) : spec;
    return new WatchedProcess(wrapped, guard, {});
  }

  async #start(node: WatchedProcess): Promise<void> {
    this.#fact('started');
    try {
      await node.start();
    } catch (error) {
      if (!(error instanceof Error && error.message.includes('is not ready in'))) throw error;
      // A machine that is busy with other things: once more, and then it is the node's fault.
      await node.kill();
      await node.start();
    }
    this.#fact('ready');
  }

  async #read(doc: string, mayDie: boolean): Promise<void> {
    const { name, recorder } = this.#options;
    const at = { node: name, url: this.#url };
    const read = await readByRest({ at, doc, phase: 'running', isolated: true });
    // A document of which nothing was ever acked may not exist; a node behind strace may be dead by now.
    if (read.type === 'fail' && (this.#ackedHere.length === 0 || mayDie)) return;
    recorder.record('driver', read);
    const present = new Set(read.content?.set);
    const lost = this.#ackedHere.filter((element) => !present.has(element));
    this.counts.lost += lost.length;
    // Once: K1 says so at the end, too.
    this.#ackedHere = this.#ackedHere.filter((element) => present.has(element));
  }

  async #resend(node: WatchedProcess, doc: string): Promise<WritingResult> {
    const { folder } = this.#options;
    const { pid } = node;
    if (pid === null) throw new Error('it died by itself');
    const tracer = await Tracer.join(pid, SLOW_SYNC, `${folder}.strace.log`);
    const result = await resendAndDie({
      url: this.#url,
      doc,
      process: node,
      nextElement: this.#nextElement,
    });
    await tracer.leave();
    return { ...result, atLastAck: null, ackToKillMs: null };
  }

  readonly #nextElement = (): string => {
    this.#elements += 1;
    return `${this.#options.name}:${this.#elements}`;
  };

  async #write(
    node: WatchedProcess,
    doc: string,
    kind: LifeKind,
    random: Random,
  ): Promise<WritingResult> {
    const kill: WritingOptions['kill'] =
      kind === 'cut' ? 'after a burst' : kind === 'kill' ? 'at the ack' : 'by itself';
    return await writeAndDie({
      url: this.#url,
      doc,
      folder: this.#options.folder,
      process: node,
      random,
      acks: 1 + random.below(kind === 'kill' ? ACKS_MAX : BURST_ACKS_MAX),
      kill,
      nextElement: this.#nextElement,
    });
  }

  #told(doc: string, client: number, written: readonly Written[]): void {
    const { name: node, recorder } = this.#options;
    const session = `${node}/${this.#lives}`;
    for (const { element, invokedMono, ackedMono } of written) {
      const common = { f: 'add', op: element, doc, session } as const;
      recorder.record(
        'driver',
        { ...common, type: 'invoke', client, node, adds: [element] },
        invokedMono,
      );
      if (ackedMono === null) recorder.record('driver', { ...common, type: 'info' });
      else {
        this.counts.acked += 1;
        this.#ackedHere.push(element);
        recorder.record('driver', { ...common, type: 'ok', node, level: 'local' }, ackedMono);
      }
    }
  }

  #fact(type: 'started' | 'ready' | 'crashed' | 'stopped'): void {
    const { name: node, recorder } = this.#options;
    recorder.record('driver', { f: 'node', node, region: 'local', type });
  }
}

function isKilled(error: unknown): boolean {
  return error instanceof Error && /ended by SIGKILL|ended with exit code 137/.test(error.message);
}
