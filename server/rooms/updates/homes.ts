/**
 * Where each clock of a client lies: its home. Yjs inherits it: an item that names a neighbour lies where that
 * one lies, and says nothing of it in its own bytes. Whoever only reads updates must therefore remember it, or
 * cannot tell a map value from a list item, nor see that two neighbours do not lie in one list.
 *
 * A home is a map (which one, and which key, nobody needs to know), a root list (all roots are one: none of
 * them is ever collected), or the inside of the type at some id.
 */

export const HOME = {
  /** Nothing was ever said of it, as in a version that was made from a state vector. */
  unknown: 0,
  /** A GC struct: deleted together with what it lay in. */
  gone: 1,
  map: 2,
  root: 3,
  /** In the list of the type at (client, clock). */
  inside: 4,
  /** In a summary only: where (client, clock) lies, which the update itself does not bring. */
  like: 5,
} as const;

export type HomeKind = (typeof HOME)[keyof typeof HOME];

/** `client` and `clock` mean something for `inside` and `like`, and are 0 otherwise. Written into, to save garbage. */
export interface Home {
  kind: HomeKind;
  client: number;
  clock: number;
}

export function newHome(): Home {
  return { kind: HOME.unknown, client: 0, clock: 0 };
}

export function isSameHome(a: Home, b: Home): boolean {
  return a.kind === b.kind && a.client === b.client && a.clock === b.clock;
}

export function setHome(home: Home, kind: HomeKind, client: number, clock: number): Home {
  home.kind = kind;
  home.client = client;
  home.clock = clock;
  return home;
}
