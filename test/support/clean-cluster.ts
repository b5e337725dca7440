/** What each node of a cluster without a mistake shows at a moment, worked out from what was written and when it arrived. */
import type { Content, Layers, Version } from '../../chaos/history/events.ts';

export const NODES = ['a', 'b', 'c'] as const;
export type NodeName = (typeof NODES)[number];
export const REGIONS: Readonly<Record<NodeName, string>> = { a: 'eu', b: 'eu', c: 'us' };
export interface Write {
  readonly index: number;
  readonly op: string;
  readonly doc: string;
  readonly client: number;
  readonly node: NodeName;
  readonly adds: readonly string[];
  readonly isText: boolean;
  readonly dels: readonly string[];
  readonly set: { readonly key: string; readonly value: number } | null;
  readonly visibleAt: Record<NodeName, number>;
}

function visible(writes: readonly Write[], doc: string, node: NodeName, mono: number): Write[] {
  return writes.filter((each) => each.doc === doc && each.visibleAt[node] <= mono);
}

export function contentOf(
  all: readonly Write[],
  doc: string,
  node: NodeName,
  mono: number,
): Content {
  const writes = visible(all, doc, node, mono);
  const gone = new Set(writes.flatMap(({ dels }) => dels));
  const shown = (isText: boolean): string[] =>
    writes
      .filter((each) => each.isText === isText)
      .flatMap(({ adds }) => adds.filter((id) => !gone.has(id)));
  const reg: Record<string, number> = {};
  for (const { set } of writes) if (set !== null) reg[set.key] = set.value;
  return { set: shown(false), text: shown(true), reg };
}

export function versionOf(
  all: readonly Write[],
  doc: string,
  node: NodeName,
  mono: number,
): Required<Version> {
  const sv: Record<string, number> = {};
  const dels: Record<string, [number, number][]> = {};
  for (const write of visible(all, doc, node, mono)) {
    sv[write.client] = (sv[write.client] ?? 0) + 1;
    // Far apart, so that no two ranges ever merge.
    for (const id of write.dels) {
      const index = all.findIndex(({ adds }) => adds.includes(id));
      (dels[write.client] ??= []).push([index * 2, 1]);
    }
  }
  const ds = Object.fromEntries(
    Object.entries(dels).map(([client, ranges]) => [client, ranges.toSorted(([a], [b]) => a - b)]),
  );
  return { sv, ds };
}

export function layersOf(all: readonly Write[], doc: string, node: NodeName, mono: number): Layers {
  const { sv, ds } = versionOf(all, doc, node, mono);
  const { set, text, reg } = contentOf(all, doc, node, mono);
  const keys = Object.entries(reg).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const [svText, dsText] = [JSON.stringify(sv), JSON.stringify(ds)];
  const json = JSON.stringify([set, keys]);
  return {
    canon: [svText, dsText, json, ...text].join('|'),
    sv: svText,
    ds: dsText,
    text: text.join(' '),
    json,
  };
}
