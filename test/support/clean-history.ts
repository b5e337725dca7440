/**
 * Histories as a cluster without a mistake would leave them: three nodes in two regions, writers, watchers, a cut, a
 * crash, a quiet time, final reads; everything that any invariant looks at. A plan decides who does what.
 */
import type { HistoryEvent } from '../../chaos/history/events.ts';
import { Narration } from './clean-narration.ts';
import { layersOf, NODES, REGIONS, versionOf, type NodeName, type Write } from './clean-cluster.ts';

export interface Step {
  readonly writer: number;
  readonly kind: 'add' | 'text' | 'del' | 'set' | 'format' | 'undo';
  readonly pick: number;
  readonly gapMs: number;
}

export interface Plan {
  readonly steps: readonly Step[];
  readonly writers: number;
  readonly lagMs: number;
  /** Of the steps: when node `c` loses its bus. */
  readonly cutAt: number;
  /** Is the edit that the crash interrupts on the disk all the same? */
  readonly isInterruptedKept: boolean;
}

export const DOCS: readonly string[] = ['notes', 'plans'];
const COMMIT_MS = 3;
/** Longer than what K12 allows, so that the last edits before the heal count. */
const CUT_TAIL_MS = 1_500;

interface Writer {
  readonly proc: string;
  readonly session: string;
  readonly client: number;
  readonly node: NodeName;
  readonly doc: string;
  readonly isReplicated: boolean;
  value: number;
  sent: number;
  acked: number;
  lastAckMono: number;
}

export function cleanHistory(plan: Plan): HistoryEvent[] {
  return new Story(plan).tell();
}

class Story extends Narration {
  readonly #plan: Plan;
  readonly #writers: Writer[];
  #cutFrom = Infinity;
  #healAt = Infinity;
  #crashAt = Infinity;

  constructor(plan: Plan) {
    super();
    this.#plan = plan;
    this.#writers = Array.from({ length: plan.writers }, (_, index) => ({
      proc: `w${index}`,
      session: `s${index}`,
      client: 100 + index,
      node: NODES[index % NODES.length] ?? 'a',
      doc: DOCS[index % DOCS.length] ?? 'notes',
      isReplicated: index % 4 === 3,
      value: 0,
      sent: 0,
      acked: 0,
      lastAckMono: 0,
    }));
  }

  tell(): HistoryEvent[] {
    this.#begin();
    const durationMs = this.#plan.steps.reduce((sum, { gapMs }) => sum + gapMs, 0);
    this.#healAt = this.now + durationMs + CUT_TAIL_MS + 1_000;
    this.#crashAt = this.#healAt - 1_000;
    for (const [position, step] of this.#plan.steps.entries()) {
      this.now += step.gapMs;
      if (position === this.#plan.cutAt) this.#cut();
      this.#write(step);
      this.#readSome(step);
    }
    this.#refuse();
    this.now = this.#crashAt;
    this.#crash();
    this.now = this.#healAt;
    this.#heal();
    this.#end();
    return this.events.toSorted((a, b) => a.mono - b.mono);
  }

  #begin(): void {
    for (const node of NODES) {
      this.say('driver', { f: 'node', node, region: REGIONS[node], type: 'ready' });
      this.gauges(node, 'baseline', 0);
      for (const doc of DOCS) this.arrive(`watch-${node}-${doc}`, node, doc);
    }
    for (const { session, node, doc } of this.#writers) this.arrive(session, node, doc);
    this.now += 100;
    this.lookAround();
    this.say('driver', { f: 'mark', name: 'baseline-end' });
  }

  #cut(): void {
    this.#cutFrom = this.now;
    const fault = {
      f: 'fault',
      id: 'f1',
      name: 'F50 cut',
      target: 'c-redis',
      scope: 'bus',
    } as const;
    this.say('driver', { ...fault, type: 'begin' });
    this.say('driver', { ...fault, type: 'proved', proof: 'no echo' }, this.now + 1);
  }

  #write({ writer: number, kind, pick }: Step): void {
    const writer = this.#writers[number % this.#writers.length];
    if (writer === undefined) return;
    const { doc, node, client, session, proc } = writer;
    const deps = versionOf(this.writes, doc, node, this.now);
    const index = this.writes.length;
    const own = this.writes.filter((each) => each.client === client);
    const mine = own.flatMap(({ adds }) => adds);
    const gone = new Set(own.flatMap(({ dels }) => dels));
    const there = mine.filter((id) => !gone.has(id));
    const victim = there[pick % Math.max(1, there.length)];
    const isDeletion = (kind === 'del' || kind === 'undo') && victim !== undefined;
    const isSet = kind === 'set';
    const isAddition = !isDeletion && !isSet && kind !== 'format';
    if (isSet) writer.value += 1;
    const write: Write = {
      index,
      op: `${proc}:${index}`,
      doc,
      client,
      node,
      adds: isAddition ? [`${proc}:e${index}`] : [],
      isText: kind === 'text',
      dels: isDeletion ? [victim] : [],
      set: isSet ? { key: proc, value: writer.value } : null,
      visibleAt: this.#visibleAt(node),
    };
    this.writes.push(write);
    const f = isSet
      ? 'set'
      : isDeletion
        ? kind === 'undo'
          ? 'undo'
          : 'del'
        : isAddition
          ? 'add'
          : 'format';
    const base = { f, op: write.op, doc, session } as const;
    this.say(proc, {
      ...base,
      type: 'invoke',
      client,
      node,
      deps,
      adds: write.adds,
      dels: write.dels,
      ...(write.set === null ? {} : { set: write.set }),
    });
    writer.sent += 1;
    const elsewhere = node === 'c' ? write.visibleAt.a : write.visibleAt.c;
    const ackAt = Math.max(
      writer.lastAckMono,
      (writer.isReplicated ? elsewhere : this.now) + COMMIT_MS,
    );
    if (node === 'a' && ackAt >= this.#crashAt) {
      this.say(proc, { ...base, type: 'info', reason: 'closed' }, this.#crashAt);
      this.#seeEverywhere(write);
      return;
    }
    writer.lastAckMono = ackAt;
    writer.acked += 1;
    const level = writer.isReplicated ? 'replicated' : 'local';
    const connect = this.events.find((each) => each.f === 'connect' && each.session === session);
    const connection = connect?.f === 'connect' ? connect.connection : '';
    const ackSeq = writer.acked;
    this.say(proc, { f: 'ack', session, connection, node, ackSeq, sentSeq: writer.sent }, ackAt);
    this.say(proc, { ...base, type: 'ok', node, level, ackSeq }, ackAt);
    this.#seeEverywhere(write);
  }

  #seeEverywhere({ doc, adds, visibleAt }: Write): void {
    for (const node of NODES) {
      const session = `watch-${node}-${doc}`;
      if (adds.length === 0 || (node === 'a' && visibleAt.a >= this.#crashAt)) continue;
      this.say(session, { f: 'seen', session, node, doc, ids: adds }, visibleAt[node] + 1);
    }
  }

  /** In order of each origin: at once here, later there, and over the cut only when it is healed. */
  #visibleAt(origin: NodeName): Record<NodeName, number> {
    const at = { a: 0, b: 0, c: 0 };
    for (const node of NODES) {
      const isCut = this.#cutFrom <= this.now && (node === 'c') !== (origin === 'c');
      const plain = node === origin ? this.now : this.now + this.#plan.lagMs;
      at[node] = isCut ? this.#healAt + this.#plan.lagMs : plain;
    }
    return at;
  }

  #readSome({ writer: number, pick }: Step): void {
    const writer = this.#writers[number % this.#writers.length];
    if (writer === undefined) return;
    const at = this.now + COMMIT_MS + 2;
    const { session, doc, node } = writer;
    this.read(node, doc, 'rest', 'running', at, session, false);
    this.read(node, doc, 'client', 'running', at, session, false);
    const other = NODES[pick % NODES.length] ?? 'b';
    const lacks = this.writes.some(
      (each) => each.client === writer.client && each.visibleAt[other] > at,
    );
    // What a session must have seen is also what its own node showed it.
    const behind = this.writes.some(
      (each) => each.doc === doc && each.visibleAt[node] <= at && each.visibleAt[other] > at,
    );
    if (!lacks && !behind) this.read(other, doc, 'rest', 'running', at, session, true);
    else {
      const common = { f: 'read', doc, node: other, source: 'rest', phase: 'running' } as const;
      const refusal = { status: 503, code: 'replica-behind', hasMinVersion: true } as const;
      this.say(session, { ...common, ...refusal, type: 'fail', invokedMono: at, session }, at + 1);
    }
  }

  #refuse(): void {
    const [session, doc] = ['reader', DOCS[0] ?? ''];
    this.say(session, { f: 'token', type: 'granted', session, access: 'read', docs: ['*'] });
    const base = { f: 'add', op: 'reader:1', doc, session } as const;
    this.say(session, { ...base, type: 'invoke', client: 9, node: 'b', adds: ['reader:e1'] });
    this.say(session, { ...base, type: 'fail', reason: 'read-only' }, this.now + 1);
  }

  /** Node `a` is killed while somebody writes; its people go home. */
  #crash(): void {
    const fault = {
      f: 'fault',
      id: 'f2',
      name: 'F01 kill -9',
      target: 'a',
      scope: 'process',
    } as const;
    const doc = DOCS[0] ?? '';
    const interrupted = { f: 'add', op: 'last:1', doc, session: 'last' } as const;
    const adds = ['last:e1'];
    this.say('last', { ...interrupted, type: 'invoke', client: 8, node: 'a', adds });
    this.say('driver', { ...fault, type: 'begin' });
    this.say('driver', { f: 'node', node: 'a', region: 'eu', type: 'crashed' }, this.now + 1);
    this.say('driver', { ...fault, type: 'proved', proof: 'exit by SIGKILL' }, this.now + 2);
    this.say('last', { ...interrupted, type: 'info', reason: 'closed' }, this.now + 2);
    this.now += 2;
    for (const [session, { node, toMono }] of this.users) {
      if (node === 'a' && toMono === Infinity) this.leave(session);
    }
    if (this.#plan.isInterruptedKept) {
      this.writes.push({
        index: this.writes.length,
        op: 'last:1',
        doc,
        client: 8,
        node: 'a',
        adds,
        isText: false,
        dels: [],
        set: null,
        visibleAt: { a: this.now, b: this.#healAt - 1, c: this.#healAt + this.#plan.lagMs },
      });
    }
    this.now += 300;
    this.say('driver', { f: 'node', node: 'a', region: 'eu', type: 'ready' });
    this.say('driver', { ...fault, type: 'healed' }, this.now);
    for (const each of DOCS) {
      const open = { f: 'open', type: 'ok', node: 'a', doc: each, durationMs: 4 } as const;
      this.say('driver', { ...open, hasPending: false }, this.now + 1);
      this.read('a', each, 'disk', 'running', this.now + 2, undefined, false);
      this.arrive(`watch2-a-${each}`, 'a', each);
    }
  }

  #heal(): void {
    if (this.#cutFrom < Infinity) {
      const fault = { f: 'fault', id: 'f1', name: 'F50 cut', target: 'c-redis' } as const;
      this.say('driver', { ...fault, scope: 'bus', type: 'healed' });
    }
    for (const node of NODES) this.gauges(node, 'running', 10);
    this.now += 1;
    this.say('driver', { f: 'mark', name: 'quiet' });
    for (let poll = 0; poll < 3; poll += 1) {
      for (const doc of DOCS) {
        for (const node of NODES) {
          const watcher = node === 'a' ? `watch2-a-${doc}` : `watch-${node}-${doc}`;
          this.read(node, doc, 'client', 'settled', this.now, watcher, false);
          this.read(node, doc, 'rest', 'settled', this.now, undefined, false);
        }
      }
      this.now += this.#plan.lagMs + 5;
    }
    this.now += 60_000;
    this.lookAround();
    for (const node of NODES) this.gauges(node, 'running', 20);
    this.say('driver', { f: 'mark', name: 'settled' });
  }

  #end(): void {
    for (const { session } of this.#writers) {
      if (this.users.get(session)?.toMono === Infinity) this.leave(session);
    }
    this.now += 10;
    this.say('driver', { f: 'mark', name: 'writers-destroyed' });
    this.say('driver', { f: 'mark', name: 'nodes-restarted' }, this.now + 1);
    this.now += 10;
    for (const doc of DOCS) {
      for (const node of NODES) {
        this.read(node, doc, 'rest', 'final', this.now, undefined, false);
        this.read(node, doc, 'disk', 'final', this.now, undefined, false);
        const canon = layersOf(this.writes, doc, node, this.now).canon;
        const verify = {
          f: 'verify',
          node,
          doc,
          isContiguous: true,
          hasGoodChecksums: true,
        } as const;
        this.say('driver', { ...verify, diskCanon: canon, servedCanon: canon });
      }
    }
    for (const node of NODES) this.gauges(node, 'after', 20);
    this.say('driver', { f: 'mark', name: 'end' });
  }
}
