/**
 * What a schedule plays on: nodes, editors, the network between them, and the dice of each, all from one seed. Each
 * concern has a stream of random numbers of its own, so that a change to one leaves the others as they were.
 */
import * as Y from 'yjs';
import { HistoryRecorder } from '../../chaos/history/recorder.ts';
import type { AckLevel, Fact, HistoryEvent } from '../../chaos/history/events.ts';
import { decodeEnvelope } from '../../server/fanout/envelope.ts';
import {
  MemoryNetwork,
  type CarriedMessage,
  type LinkFaults,
} from '../../server/fanout/memory-bus.ts';
import { decodePayload } from '../../server/fanout/payloads.ts';
import type { DocumentName } from '../../server/protocol/document-name.ts';
import { seededRandom, type Random } from '../support/random.ts';
import { Editor } from './editor.ts';
import type { Promised } from './requests.ts';
import { EPOCH_MS, Scheduler } from './scheduler.ts';
import { SimNode, type NodeSettings } from './sim-node.ts';
import type { DiskImage } from './virtual-disk.ts';

/** A supervisor notices. */
const RESTART_MS = 200;

export const DOCUMENTS = ['alpha', 'beta'] as DocumentName[];
/** May be deleted; no editor has it open. */
export const DOOMED = 'gamma' as DocumentName;

/** What is lost on its way, one message at a time. */
export type Loss = 'nothing' | 'deletes' | 'updates' | 'receipts' | 'answers';

export interface StageOptions {
  readonly seed: number;
  readonly sink: ((event: HistoryEvent) => void) | null;
  /** For people: what happened behind the history. */
  readonly log: ((text: string, atMs: number) => void) | null;
  /** Of the network on a good day. */
  readonly calm: Partial<LinkFaults>;
}

export class Stage {
  readonly seed: number;
  readonly scheduler: Scheduler = new Scheduler();
  readonly network: MemoryNetwork;
  readonly recorder: HistoryRecorder;
  readonly nodes: SimNode[] = [];
  readonly editors: Editor[] = [];
  /** What must never happen, and did. */
  readonly failures: string[] = [];
  /** A node has gone down, and its disk is as the crash left it. */
  onDown: (node: SimNode) => void = () => undefined;
  loss: Loss = 'nothing';
  isHealed = false;
  /** Where there are nodes, in order of their joining. */
  readonly regions: string[] = [];
  readonly #lostDisks = new Set<SimNode>();
  /** Nodes that a scene keeps down. */
  readonly #held = new Set<SimNode>();
  /** What the network does when nothing is wrong with it. */
  readonly #calm: Partial<LinkFaults>;
  #joined = 0;
  readonly #log: StageOptions['log'];
  readonly #clientIds = new Set<number>();
  readonly #messages = new Map<Uint8Array, boolean>();

  constructor({ seed, sink, log, calm }: StageOptions) {
    this.seed = seed;
    this.#calm = calm;
    this.#log = log;
    const { scheduler } = this;
    this.recorder = new HistoryRecorder(
      { mono: () => scheduler.nowMs, wall: () => EPOCH_MS + scheduler.nowMs },
      sink,
    );
    const random = this.random('network');
    const scope = scheduler.scope();
    this.network = new MemoryNetwork({
      timers: scope,
      random: () => random.float(),
      loses: (message) => this.#loses(message),
    });
  }

  /** The dice of one concern. */
  random(concern: string): Random {
    let hash = Math.imul(this.seed ^ 0x5bd1_e995, 0x9e37_79b1);
    for (let index = 0; index < concern.length; index += 1) {
      hash = Math.imul(hash ^ concern.charCodeAt(index), 0x0100_0193);
    }
    return seededRandom(hash ^ (hash >>> 13));
  }

  log(text: string): void {
    this.#log?.(text, this.scheduler.nowMs);
  }

  fail(what: string): void {
    this.failures.push(`${this.scheduler.nowMs.toFixed(1)} ms: ${what}`);
    this.log(`FAILED ${what}`);
  }

  record(fact: Fact): void {
    this.recorder.record('driver', fact);
  }

  addNode(settings: NodeSettings): SimNode {
    const world = {
      scheduler: this.scheduler,
      network: this.network,
      random: this.random(`node ${settings.name}`),
      snapshotRandom: this.random(`snapshots ${settings.name}`),
      failed: (what: string, error: unknown) => {
        this.fail(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      },
    };
    const node = new SimNode(settings, world, this.random(`disk ${settings.name}`));
    node.onStatus = (status, why) => {
      this.log(`${node.name} ${status}${why === '' ? '' : ` (${why})`}`);
      const { name, region } = node;
      if (status === 'starting') this.record({ f: 'node', node: name, region, type: 'started' });
      if (status === 'up') this.record({ f: 'node', node: name, region, type: 'ready' });
      if (status === 'gone') this.record({ f: 'node', node: name, region, type: 'removed' });
      if (status !== 'down') return;
      const type = why === 'stopped' ? 'stopped' : 'crashed';
      this.record({ f: 'node', node: name, region, type });
      this.onDown(node);
      this.scheduler.after(RESTART_MS, () => {
        this.#restart(node);
      });
    };
    // A process that is gone resets its connections, or says nothing any more.
    const random = this.random(`ends ${settings.name}`);
    node.onEnd = () => {
      for (const editor of this.editors) {
        if (editor.node === node) editor.cut(random.float() * 300, 0);
      }
    };
    this.nodes.push(node);
    if (!this.regions.includes(node.region)) this.#addRegion(node.region);
    return node;
  }

  addEditor(
    name: string,
    document: DocumentName,
    durability: AckLevel,
    canUndo: boolean,
    latencyMsMax: number,
  ): Editor {
    const random = this.random(`editor ${name}`);
    let clientId: number;
    do clientId = 1 + random.below(2 ** 32 - 1);
    while (this.#clientIds.has(clientId));
    this.#clientIds.add(clientId);
    const { scheduler, recorder } = this;
    const editor = new Editor({
      name,
      clientId,
      document,
      durability,
      canUndo,
      latencyMsMax,
      scheduler,
      recorder,
      random,
    });
    this.editors.push(editor);
    return editor;
  }

  node(name: string): SimNode {
    const node = this.nodes.find((each) => each.name === name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  /** A promise of the scene's own: what it throws is a failure. */
  async guard(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }

  /** It stays down when it goes down, until `release`. */
  hold(node: SimNode): void {
    this.#held.add(node);
  }

  release(node: SimNode): void {
    this.#held.delete(node);
    this.#restart(node);
  }

  setFaults(from: string, to: string, faults: Partial<LinkFaults>): void {
    this.network.setFaults(from, to, { ...this.#calm, ...faults });
  }

  slowDown(node: SimNode | null, syncMs: number): void {
    if (node !== null) node.disk.syncMs = syncMs;
  }

  mendDisk({ disk }: SimNode): void {
    disk.state = 'good';
    disk.readsFail = false;
    disk.syncMs = 1;
  }

  /** While it is down: what it had is replaced by a backup, or by nothing. */
  loseDisk(node: SimNode, backup: DiskImage | null): void {
    const { name, region } = node;
    this.#lostDisks.add(node);
    if (backup === null) node.disk.wipe();
    else node.disk.restore(backup);
    this.record({ f: 'node', node: name, region, type: 'disk-lost' });
  }

  hasLostDisk(node: SimNode): boolean {
    return this.#lostDisks.has(node);
  }

  /** What it promised may have been on a disk only that is lost. */
  mayHaveLost({ node, isAfterLoss }: Promised): boolean {
    return node.status === 'gone' || (this.hasLostDisk(node) && !isAfterLoss);
  }

  loseNode(node: SimNode): void {
    const { name, region } = node;
    this.hold(node);
    node.die();
    this.record({ f: 'node', node: name, region, type: 'disk-lost' });
    for (const editor of this.editors) {
      if (editor.node === node) editor.goOffline();
    }
  }

  /** A new node with nothing on its disk. */
  join(region: string): void {
    const [first] = this.nodes;
    if (first === undefined) return;
    this.#joined += 1;
    const node = this.addNode({ ...first.settings, name: `j${this.#joined}`, region });
    void this.guard(node.start());
  }

  /** Everything that can be mended is, and nothing breaks any more. */
  healAll(): void {
    this.isHealed = true;
    this.loss = 'nothing';
    for (const from of this.regions) {
      for (const to of this.regions) {
        this.network.heal(from, to);
        this.setFaults(from, to, {});
      }
    }
    for (const node of this.nodes) {
      this.network.mute(node.name, false);
      this.network.deafen(node.name, false);
      this.mendDisk(node);
      node.goOn();
      this.#held.delete(node);
      this.#restart(node);
    }
  }

  /** Nodes that are not gone for good. */
  get present(): readonly SimNode[] {
    return this.nodes.filter(({ status }) => status !== 'gone');
  }

  #restart(node: SimNode): void {
    if (node.status === 'down' && !this.#held.has(node)) void this.guard(node.start());
  }

  #addRegion(region: string): void {
    this.regions.push(region);
    for (const other of this.regions) {
      this.setFaults(region, other, {});
      this.setFaults(other, region, {});
    }
  }

  #loses({ bytes }: CarriedMessage): boolean {
    if (this.loss === 'nothing') return false;
    const known = this.#messages.get(bytes);
    if (known !== undefined) return known;
    const isLost = isLossOf(this.loss, bytes);
    this.#messages.set(bytes, isLost);
    return isLost;
  }
}

function isLossOf(loss: Loss, bytes: Uint8Array): boolean {
  const decoded = decodeEnvelope(bytes, null);
  if (!decoded.ok) return false;
  const { kind, document, payload } = decoded.envelope;
  switch (loss) {
    case 'nothing':
      return false;
    case 'updates':
      return kind === 'update';
    case 'receipts':
      return kind === 'durable';
    case 'answers':
      return kind === 'reply';
    case 'deletes': {
      if (kind !== 'update') return false;
      const message = decodePayload(kind, document, payload);
      return message?.kind === 'update' && Y.decodeUpdate(message.update).structs.length === 0;
    }
  }
}
