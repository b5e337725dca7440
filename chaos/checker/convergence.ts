/**
 * Quiet times: from a `quiet` mark (all faults healed, nobody edits) to its `settled` mark. When did all copies of a
 * document agree, for good? Bounds come from when reads were asked and answered, so that slow reading never looks like slow healing.
 */
import type { Layers } from '../history/events.ts';
import { groupedBy } from './grouped.ts';
import type { HistoryIndex, Read } from './history-index.ts';

export interface Replica {
  /** Node and kind of copy: `eu-1 (rest)`. */
  readonly name: string;
  readonly node: string;
  readonly reads: readonly Read[];
  /** Its last word. */
  readonly last: Read;
}

export interface QuietDocument {
  readonly doc: string;
  readonly replicas: readonly Replica[];
  /** The state that most copies ended with. */
  readonly layers: Layers | null;
  /** Copies that ended differently, or could not be read. */
  readonly deviating: readonly Replica[];
  /** When a copy was last asked and still answered something else; null: never. */
  readonly lastDifferenceMono: number | null;
  /** By then the last copy that had differed answered like the others; null: none ever differed, or one always did. */
  readonly equalByMono: number | null;
}

export interface QuietTime {
  readonly fromMono: number;
  readonly toMono: number;
  readonly documents: readonly QuietDocument[];
}

export function quietTimes(index: HistoryIndex): QuietTime[] {
  const quiets = index.marks('quiet');
  return quiets.map((fromMono, position) => {
    const next = quiets[position + 1] ?? Infinity;
    const toMono = index.marks('settled').find((mono) => mono >= fromMono) ?? next;
    const reads = index.reads.filter(
      ({ phase, invokedMono }) =>
        phase === 'settled' && invokedMono >= fromMono && invokedMono <= Math.min(toMono, next),
    );
    return {
      fromMono,
      toMono,
      documents: [...groupedBy(reads, ({ doc }) => doc)].map(([doc, own]) => agreement(doc, own)),
    };
  });
}

/** What the copies of one document ended with, and when they had it. */
export function agreement(doc: string, reads: readonly Read[]): QuietDocument {
  const replicas = [...groupedBy(reads, replicaName)].flatMap(([name, own]): Replica[] => {
    const last = own.at(-1);
    return last === undefined ? [] : [{ name, node: last.node, reads: own, last }];
  });
  const layers = commonest(replicas.flatMap(({ last }) => last.layers ?? []));
  const isThat = (read: Read): boolean =>
    read.type === 'ok' && layers !== null && differingLayers(read.layers, layers).length === 0;
  const deviating = replicas.filter(({ last }) => !isThat(last));
  const differences = reads.filter((read) => !isThat(read));
  const lastDifferenceMono =
    differences.length === 0 ? null : Math.max(...differences.map((read) => read.invokedMono));
  // Copies that were equal at the first look, however late that was, say nothing about how long it took.
  const caughtUp = replicas.flatMap(({ reads: own }) => {
    const lastOther = own.findLastIndex((read) => !isThat(read));
    return lastOther === -1 ? [] : (own[lastOther + 1]?.mono ?? Infinity);
  });
  return {
    doc,
    replicas,
    layers,
    deviating,
    lastDifferenceMono,
    equalByMono: caughtUp.length > 0 && deviating.length === 0 ? Math.max(...caughtUp) : null,
  };
}

export const LAYERS = ['sv', 'ds', 'text', 'json', 'canon'] as const;

/** By name, the most telling one first. */
export function differingLayers(a: Layers | undefined, b: Layers): string[] {
  return a === undefined ? ['unread'] : LAYERS.filter((layer) => a[layer] !== b[layer]);
}

function replicaName({ node, source, session }: Read): string {
  return session === undefined ? `${node} (${source})` : `${node} (${source} ${session})`;
}

function commonest(all: readonly Layers[]): Layers | null {
  const groups = [
    ...groupedBy(all, (layers) => LAYERS.map((name) => layers[name]).join()).values(),
  ];
  return groups.toSorted((a, b) => b.length - a.length)[0]?.[0] ?? null;
}
