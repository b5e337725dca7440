/**
 * The shape of a document: which list each item lies in, and in which order. What forged neighbours could bend.
 */
import * as Y from 'yjs';
import { HOME, newHome } from '../../server/rooms/updates/homes.ts';
import type { Version } from '../../server/rooms/updates/version.ts';

/**
 * What check.ts refuses: a live value of a map key that is several clocks long, is not the last one, or has a
 * right neighbour; an item between two lists. Null, or a sentence.
 */
export function crookedItem(doc: Y.Doc): string | null {
  for (const item of itemsOf(doc)) {
    const { id, parentSub, origin, rightOrigin } = item;
    const name = `${id.client}:${id.clock}+${item.length}`;
    if (parentSub !== null) {
      if (!item.deleted && (item.right !== null || item.length > 1))
        return `live old or long map value ${name}`;
      if (rightOrigin !== null) return `map value with a right neighbour ${name}`;
    }
    if (origin === null || rightOrigin === null) continue;
    const left = Y.getItem(doc.store, origin);
    const right = Y.getItem(doc.store, rightOrigin);
    if (left instanceof Y.Item && right instanceof Y.Item && homeOf(left) !== homeOf(right)) {
      // Between two deleted lists it is dead for everybody.
      if (item.deleted && isInDeleted(left) && isInDeleted(right)) continue;
      return `item between two lists ${name}`;
    }
  }
  return null;
}

function isInDeleted({ parent }: Y.Item): boolean {
  return (parent as Y.AbstractType<unknown>)._item?.deleted === true;
}

/** Whether the version knows where every item lies. Null, or a sentence. */
export function strayHome(doc: Y.Doc, version: Version): string | null {
  if (!version.knowsHomes) return 'the version knows no homes';
  const home = newHome();
  for (const item of itemsOf(doc)) {
    for (const clock of [item.id.clock, item.id.clock + item.length - 1]) {
      home.kind = HOME.like;
      home.client = item.id.client;
      home.clock = clock;
      version.resolveHome(home);
      const known = `${home.kind} ${home.client}:${home.clock}`;
      const found = homeOf(item);
      if (known !== found) return `${item.id.client}:${clock} lies in ${found}, not in ${known}`;
    }
  }
  return null;
}

function homeOf({ parent, parentSub }: Y.Item): string {
  if (parentSub !== null) return `${HOME.map} 0:0`;
  const { _item: type } = parent as Y.AbstractType<unknown>;
  return type === null ? `${HOME.root} 0:0` : `${HOME.inside} ${type.id.client}:${type.id.clock}`;
}

/** Which clocks lie in which list or under which key, as text; only those that are items in `also`, too. */
export function lists(doc: Y.Doc, also: Y.Doc = doc): string {
  const clients = [...doc.store.clients.keys()].toSorted((a, b) => a - b);
  return clients.map((client) => `${client}:${runsOf(doc, client, also)}`).join('\n');
}

function runsOf(doc: Y.Doc, client: number, also: Y.Doc): string {
  const runs: string[] = [];
  let last = '';
  const add = (clock: number, place: string): void => {
    if (place !== last) runs.push(`${clock} ${place}`);
    last = place;
  };
  const others = also.store.clients.get(client) ?? [];
  let at = 0;
  for (const struct of doc.store.clients.get(client) ?? []) {
    const place = struct instanceof Y.Item ? placeOf(struct) : 'nowhere';
    // Struct by struct, not clock by clock: a forged one takes millions.
    for (let { clock } = struct.id; clock < struct.id.clock + struct.length;) {
      while (endOf(others[at]) <= clock) at++;
      add(clock, others[at] instanceof Y.Item ? place : 'nowhere');
      clock = endOf(others[at]);
    }
  }
  return runs.join(', ');
}

function endOf(struct: Y.Item | Y.GC | undefined): number {
  return struct === undefined ? Infinity : struct.id.clock + struct.length;
}

function placeOf({ parent, parentSub }: Y.Item): string {
  const type = parent as Y.AbstractType<unknown>;
  const list =
    type._item === null
      ? Y.findRootTypeKey(type)
      : `${type._item.id.client}:${type._item.id.clock}`;
  return parentSub === null ? list : `${list}[${parentSub}]`;
}

/**
 * Whether somebody named neighbours that never were: in one list, but the right one does not lie to the right of
 * the left one, or something that was there before both lies between them. Replicas may then see the list in
 * different orders, depending on how neighbours were split. Only a document could tell.
 */
export function isMisordered(doc: Y.Doc): boolean {
  for (const struct of itemsOf(doc)) {
    if (struct.rightOrigin === null) continue;
    // Whatever the right neighbour was put behind was there before it, and so before this item.
    const before = originOf(doc, struct.rightOrigin);
    if (before !== null && (struct.origin === null || !isAtOrRightOf(doc, before, struct.origin)))
      return true;
    if (struct.origin === null) continue;
    if (!isRightOf(doc, struct.origin, struct.rightOrigin)) return true;
  }
  return false;
}

function originOf(doc: Y.Doc, id: Y.ID): Y.ID | null {
  const item = Y.getItem(doc.store, id);
  if (!(item instanceof Y.Item)) return null;
  return id.clock > item.id.clock ? Y.createID(id.client, id.clock - 1) : item.origin;
}

function isAtOrRightOf(doc: Y.Doc, left: Y.ID, right: Y.ID): boolean {
  return Y.compareIDs(left, right) || isRightOf(doc, left, right);
}

function isRightOf(doc: Y.Doc, left: Y.ID, right: Y.ID): boolean {
  const target = Y.getItem(doc.store, right);
  let item: Y.Item | null = Y.getItem(doc.store, left);
  if (item === target) return right.clock > left.clock;
  while (item instanceof Y.Item && item !== target) item = item.right;
  return item === target;
}

function itemsOf(doc: Y.Doc): readonly Y.Item[] {
  return [...doc.store.clients.values()].flat().filter((struct) => struct instanceof Y.Item);
}
