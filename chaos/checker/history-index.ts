/** A history, sorted and looked up: operations with their outcomes, elements with who added and deleted them, spans of faults. */
import type {
  AckLevel,
  FaultScope,
  History,
  HistoryEvent,
  MarkEvent,
  OpInvoke,
  ReadEvent,
  Stamp,
} from '../history/events.ts';
import { groupedBy } from './grouped.ts';

export interface Ack {
  readonly mono: number;
  readonly node: string;
  readonly level: AckLevel;
}

export interface Operation {
  readonly op: string;
  readonly proc: string;
  readonly session: string;
  readonly doc: string;
  readonly client: number;
  readonly f: OpInvoke['f'];
  readonly node: string | null;
  readonly invokedMono: number;
  /** Its place among all events: `mono` can be equal, this cannot. */
  readonly order: number;
  readonly adds: readonly string[];
  readonly dels: readonly string[];
  readonly set: OpInvoke['set'];
  readonly deps: OpInvoke['deps'];
  readonly acks: Ack[];
  /** Refused, with the promise that it was not applied. */
  isRefused: boolean;
}

export interface Element {
  readonly adds: Operation[];
  readonly dels: Operation[];
}

export interface FaultSpan {
  readonly id: string;
  readonly name: string;
  readonly target: string;
  readonly scope: FaultScope;
  readonly fromMono: number;
  /** Infinity: never healed. */
  toMono: number;
  isProved: boolean;
}

export type Read = ReadEvent & Stamp;
export type EventOf<F extends HistoryEvent['f']> = Extract<HistoryEvent, { readonly f: F }>;

export class HistoryIndex {
  readonly events: History;
  readonly operations: ReadonlyMap<string, Operation>;
  readonly operationsOf: ReadonlyMap<string, readonly Operation[]>;
  readonly elements: ReadonlyMap<string, Element>;
  readonly reads: readonly Read[];
  readonly faults: readonly FaultSpan[];
  readonly regionOf: ReadonlyMap<string, string>;
  readonly #byKind: ReadonlyMap<string, readonly HistoryEvent[]>;
  readonly #diskLost: ReadonlyMap<string, readonly number[]>;

  constructor(history: History) {
    // Stable: what happened in the same moment stays in the order of the lines.
    this.events = history.toSorted((a, b) => a.mono - b.mono);
    this.#byKind = groupedBy(this.events, ({ f }) => f);
    this.operations = operationsIn(this.events);
    this.operationsOf = groupedBy(this.operations.values(), ({ doc }) => doc);
    this.elements = elementsOf(this.operations.values());
    this.reads = this.of('read');
    this.faults = faultsIn(this.of('fault'));
    const nodes = this.of('node');
    this.regionOf = new Map(nodes.map(({ node, region }) => [node, region]));
    this.#diskLost = new Map(
      [...groupedBy(nodes, ({ node }) => node)].map(([node, events]) => [
        node,
        events.filter(({ type }) => type === 'disk-lost').map(({ mono }) => mono),
      ]),
    );
  }

  of<F extends HistoryEvent['f']>(kind: F): readonly EventOf<F>[] {
    return (this.#byKind.get(kind) ?? []) as readonly EventOf<F>[];
  }

  marks(name: MarkEvent['name']): readonly number[] {
    return this.of('mark')
      .filter((mark) => mark.name === name)
      .map(({ mono }) => mono);
  }

  /** Was this ack's promise ended on purpose: are the disks that it spoke of gone, later than it and before `untilMono`? */
  isExcused(ack: Ack, untilMono: number = Infinity): boolean {
    const isLost = (node: string): boolean =>
      this.#diskLost.get(node)?.some((mono) => mono >= ack.mono && mono <= untilMono) === true;
    if (!isLost(ack.node)) return false;
    if (ack.level === 'local') return true;
    const region = this.regionOf.get(ack.node);
    return [...this.regionOf].some(([node, other]) => other !== region && isLost(node));
  }
}

function operationsIn(events: History): Map<string, Operation> {
  const operations = new Map<string, Operation>();
  for (const [order, event] of events.entries()) {
    if (!isOperation(event)) continue;
    if (event.type === 'invoke') {
      if (operations.has(event.op)) continue;
      operations.set(event.op, {
        op: event.op,
        proc: event.proc,
        session: event.session,
        doc: event.doc,
        client: event.client,
        f: event.f,
        node: event.node,
        invokedMono: event.mono,
        order,
        adds: event.adds ?? [],
        dels: event.dels ?? [],
        set: event.set,
        deps: event.deps,
        acks: [],
        isRefused: false,
      });
      continue;
    }
    const operation = operations.get(event.op);
    if (operation === undefined) continue;
    if (event.type === 'ok') {
      operation.acks.push({ mono: event.mono, node: event.node, level: event.level });
    } else if (event.type === 'fail') operation.isRefused = true;
  }
  return operations;
}

export function isOperation(
  event: HistoryEvent,
): event is EventOf<'add' | 'del' | 'set' | 'format' | 'undo'> {
  return (
    event.f === 'add' ||
    event.f === 'del' ||
    event.f === 'set' ||
    event.f === 'format' ||
    event.f === 'undo'
  );
}

function elementsOf(operations: Iterable<Operation>): Map<string, Element> {
  const elements = new Map<string, Element>();
  const at = (id: string): Element => {
    let element = elements.get(id);
    if (element === undefined) {
      element = { adds: [], dels: [] };
      elements.set(id, element);
    }
    return element;
  };
  for (const operation of operations) {
    for (const id of operation.adds) at(id).adds.push(operation);
    for (const id of operation.dels) at(id).dels.push(operation);
  }
  return elements;
}

function faultsIn(events: readonly EventOf<'fault'>[]): FaultSpan[] {
  const spans = new Map<string, FaultSpan>();
  for (const { type, id, name, target, scope, mono } of events) {
    if (type === 'skipped') continue;
    let span = spans.get(id);
    if (span === undefined) {
      span = { id, name, target, scope, fromMono: mono, toMono: Infinity, isProved: false };
      spans.set(id, span);
    }
    if (type === 'proved') span.isProved = true;
    if (type === 'healed') span.toMono = mono;
  }
  return [...spans.values()];
}
