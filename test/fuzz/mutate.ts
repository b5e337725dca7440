/**
 * Turns honest updates into hostile ones: bytes flipped, cut, inserted and spliced; structs with their clocks,
 * ids, lengths and contents exchanged; and updates made up from nothing but the ids of a document.
 */
import * as encoding from 'lib0/encoding';
import * as Y from 'yjs';
import { forge, gc, item, skip, type ForgedItem, type Id } from '../support/forge.ts';
import type { Random } from '../support/random.ts';

/** One mutant. `pool`: honest updates; `ids`: clocks that the document knows or nearly knows. */
export function mutant(
  random: Random,
  pool: readonly Uint8Array[],
  ids: readonly Id[],
): Uint8Array {
  const source = random.pick(pool);
  switch (random.below(8)) {
    case 0:
    case 1:
      return mutateBytes(random, source, random.pick(pool));
    case 2:
      return randomBytes(random);
    case 3:
    case 4:
    case 5:
      return mutateStructs(random, source, random.pick(pool), ids);
    default:
      return invent(random, ids);
  }
}

function mutateBytes(random: Random, source: Uint8Array, other: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(source);
  const at = random.below(bytes.length);
  switch (random.below(7)) {
    case 0:
      for (let flips = 1 + random.below(3); flips > 0; flips--) {
        const flip = random.below(bytes.length);
        bytes[flip] = (bytes[flip] ?? 0) ^ (1 << random.below(8));
      }
      return bytes;
    case 1:
      bytes[at] = random.below(256);
      return bytes;
    case 2:
      return bytes.slice(0, at);
    case 3:
      return concat(bytes.subarray(0, at), other.subarray(random.below(other.length)));
    case 4:
      return concat(
        bytes.subarray(0, at),
        smallBytes(random, 1 + random.below(4)),
        bytes.subarray(at),
      );
    case 5:
      return concat(bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(4)));
    default:
      // One varint for another, of any size.
      return concat(bytes.subarray(0, at), varint(odd(random)), bytes.subarray(at + 1));
  }
}

function randomBytes(random: Random): Uint8Array {
  const length = random.oneIn(20) ? random.below(4_096) : random.below(40);
  return smallBytes(random, length);
}

function smallBytes(random: Random, length: number): Uint8Array {
  const limit = random.oneIn(2) ? 10 : 256;
  return Uint8Array.from({ length }, () => random.below(limit));
}

type Struct = ReturnType<typeof Y.decodeUpdate>['structs'][number];

/** Decodes, exchanges one or two things, and encodes again: well-formed on the surface. */
function mutateStructs(
  random: Random,
  source: Uint8Array,
  other: Uint8Array,
  ids: readonly Id[],
): Uint8Array {
  const { structs, ds } = Y.decodeUpdate(source);
  if (random.oneIn(4)) structs.push(...Y.decodeUpdate(other).structs);
  const sections = new Map<number, Struct[]>();
  for (const struct of structs) {
    const own = sections.get(struct.id.client);
    if (own === undefined) sections.set(struct.id.client, [struct]);
    else own.push(struct);
  }
  const clients = [...sections.keys()];
  const deletes = new Map(
    [...ds.clients].map(([client, ranges]) => [
      client,
      ranges.map(({ clock, len }) => [clock, len] as [number, number]),
    ]),
  );
  for (let changes = 1 + random.below(2); changes > 0; changes--) {
    if (structs.length > 0 && !random.oneIn(5))
      mutateStruct(random, sections, random.pick(structs), ids);
    else mutateDeletes(random, deletes, ids);
  }
  if (random.oneIn(10) && clients.length > 1) clients.reverse();
  return encode(random, sections, clients, deletes);
}

function mutateStruct(
  random: Random,
  sections: Map<number, Struct[]>,
  struct: Struct,
  ids: readonly Id[],
): void {
  const own = sections.get(struct.id.client) ?? [];
  switch (random.below(9)) {
    case 0:
      struct.id.clock = Math.max(0, struct.id.clock + random.below(5) - 2);
      return;
    case 1:
      own.splice(own.indexOf(struct), 1);
      return;
    case 2:
      own.splice(own.indexOf(struct), 0, struct);
      return;
    case 3:
      own.splice(
        own.indexOf(struct),
        0,
        new Y.GC(Y.createID(struct.id.client, struct.id.clock), 1 + random.below(3)),
      );
      return;
    case 4: {
      const client = random.pick(ids)[0];
      sections.delete(struct.id.client);
      sections.set(client, [...(sections.get(client) ?? []), ...own]);
      if (own[0] !== undefined) own[0].id.clock += random.below(3) - 1;
      return;
    }
    default:
  }
  if (!(struct instanceof Y.Item)) {
    struct.length = odd(random);
    return;
  }
  switch (random.below(5)) {
    case 0:
      struct.origin = random.oneIn(4) ? null : toId(random, ids, struct);
      return;
    case 1:
      struct.rightOrigin = random.oneIn(4) ? null : toId(random, ids, struct);
      return;
    case 2:
      struct.origin = null;
      struct.rightOrigin = null;
      struct.parent = random.oneIn(2)
        ? (random.pick(ROOTS) as unknown as Y.AbstractType<unknown>)
        : toId(random, ids, struct);
      return;
    case 3:
      struct.parentSub = random.oneIn(3) ? null : random.pick(KEYS);
      return;
    default:
      struct.content = new Y.ContentDeleted(1 + random.below(4));
  }
}

function mutateDeletes(
  random: Random,
  deletes: Map<number, [number, number][]>,
  ids: readonly Id[],
): void {
  const [client, clock] = random.pick(ids);
  const own = deletes.get(client) ?? [];
  own.push([
    Math.max(0, clock - random.below(4)),
    random.oneIn(10) ? odd(random) : 1 + random.below(5),
  ]);
  deletes.set(client, own);
}

function encode(
  random: Random,
  sections: ReadonlyMap<number, readonly Struct[]>,
  clients: readonly number[],
  deletes: ReadonlyMap<number, readonly [number, number][]>,
): Uint8Array {
  const encoder = new Y.UpdateEncoderV1();
  const rest = encoder.restEncoder;
  const order = [...new Set([...clients, ...sections.keys()])].filter(
    (client) => (sections.get(client) ?? []).length > 0,
  );
  encoding.writeVarUint(rest, order.length);
  for (const client of order) {
    const structs = sections.get(client) ?? [];
    encoding.writeVarUint(rest, structs.length);
    encoding.writeVarUint(rest, client);
    encoding.writeVarUint(rest, structs[0]?.id.clock ?? 0);
    for (const struct of structs) writeStruct(encoder, struct, random);
  }
  encoding.writeVarUint(rest, deletes.size);
  for (const [client, ranges] of deletes) {
    encoding.writeVarUint(rest, client);
    encoding.writeVarUint(rest, ranges.length);
    for (const [clock, length] of ranges) {
      encoding.writeVarUint(rest, clock);
      encoding.writeVarUint(rest, length);
    }
  }
  return encoder.toUint8Array();
}

function writeStruct(encoder: Y.UpdateEncoderV1, struct: Struct, random: Random): void {
  // An item that lost its origins says nothing of a parent yet.
  if (
    struct instanceof Y.Item &&
    struct.origin === null &&
    struct.rightOrigin === null &&
    struct.parent === null
  ) {
    struct.parent = random.pick(ROOTS) as unknown as Y.AbstractType<unknown>;
  }
  struct.write(encoder, 0);
}

const ROOTS = ['text', 'map', 'list', 'xml', 'new'] as const;
const KEYS = ['k0', 'k1', 'id', '__proto__'] as const;

function toId(random: Random, ids: readonly Id[], struct: Struct): Y.ID {
  if (random.oneIn(3))
    return Y.createID(struct.id.client, Math.max(0, struct.id.clock - 2 + random.below(4)));
  const [client, clock] = nearby(random, ids);
  return Y.createID(client, clock);
}

/** Contents of every kind, some of them broken. */
const CONTENTS: readonly { readonly ref: number; readonly bytes: readonly number[] }[] = [
  { ref: 1, bytes: [3] },
  { ref: 1, bytes: [0] },
  { ref: 2, bytes: [2, 4, 0x6e, 0x75, 0x6c, 0x6c, 3, 0x22, 0x78, 0x22] },
  { ref: 3, bytes: [2, 9, 9] },
  { ref: 4, bytes: [4, 0xf0, 0x9f, 0x98, 0x80] },
  { ref: 4, bytes: [0] },
  { ref: 4, bytes: [3, 0xed, 0xa0, 0x80] },
  { ref: 5, bytes: [2, 0x7b, 0x7d] },
  { ref: 5, bytes: [1, 0x7b] },
  { ref: 6, bytes: [1, 0x62, 4, 0x74, 0x72, 0x75, 0x65] },
  { ref: 6, bytes: [1, 0x62, 4, 0x6e, 0x75, 0x6c, 0x6c] },
  { ref: 7, bytes: [0] },
  { ref: 7, bytes: [1] },
  { ref: 7, bytes: [2] },
  { ref: 7, bytes: [3, 1, 0x70] },
  { ref: 7, bytes: [4] },
  { ref: 7, bytes: [5, 1, 0x68] },
  { ref: 7, bytes: [6] },
  { ref: 7, bytes: [7] },
  { ref: 8, bytes: [3, 127, 126, 120] },
  { ref: 8, bytes: [1, 118, 1, 1, 0x61, 125, 5] },
  { ref: 8, bytes: [1, 117, 2, 119, 1, 0x61, 123, 0, 0, 0, 0, 0, 0, 0, 0] },
  { ref: 9, bytes: [1, 0x73, 118, 0] },
  { ref: 9, bytes: [1, 0x73, 118, 1, 2, 0x67, 0x63, 121] },
  { ref: 9, bytes: [1, 0x73, 126] },
];

/** Structs that point anywhere in the document and at one another: mostly integrable, never sensible. */
function invent(random: Random, ids: readonly Id[]): Uint8Array {
  const sections = Array.from({ length: 1 + random.below(3) }, () => {
    const [client, known] = random.oneIn(3)
      ? ([1 + random.below(3), 0] as const)
      : endOf(random, ids);
    return { client, clock: known, count: 1 + random.below(5) };
  });
  const own: readonly Id[] = sections.flatMap(({ client, clock, count }) =>
    Array.from({ length: count }, (_, at) => [client, clock + at] as const),
  );
  const forged = sections.map(({ client, clock, count }) => ({
    client,
    clock: random.oneIn(10) ? Math.max(0, clock - random.below(4)) : clock,
    structs: Array.from({ length: count }, () => inventStruct(random, random.oneIn(3) ? own : ids)),
  }));
  const [client, clock] = nearby(random, random.oneIn(2) ? own : ids);
  return forge(forged, random.oneIn(2) ? [] : [[client, [clock, 1 + random.below(3)]]]);
}

function inventStruct(random: Random, ids: readonly Id[]): Uint8Array {
  if (random.oneIn(12)) return gc(1 + random.below(3));
  if (random.oneIn(60)) return skip(1 + random.below(3));
  const entry: ForgedItem = {
    origin: random.oneIn(3) ? null : nearby(random, ids),
    rightOrigin: random.oneIn(3) ? null : nearby(random, ids),
    parent: random.oneIn(2) ? random.pick(ROOTS) : nearby(random, ids),
    ...(random.oneIn(3) ? { key: random.pick(KEYS) } : {}),
    ...(random.oneIn(2)
      ? { text: random.pick(['x', 'yz', '😀']) }
      : { content: random.pick(CONTENTS) }),
  };
  return item(entry);
}

function nearby(random: Random, ids: readonly Id[]): Id {
  const [client, clock] = random.pick(ids);
  return random.oneIn(6) ? [client, Math.max(0, clock + random.below(5) - 2)] : [client, clock];
}

/** The first clock that is not known of some client. */
function endOf(random: Random, ids: readonly Id[]): Id {
  const [client] = random.pick(ids);
  let end = 0;
  for (const [other, clock] of ids) if (other === client) end = Math.max(end, clock + 1);
  return [client, end];
}

const ODD_NUMBERS = [
  0,
  1,
  2,
  127,
  128,
  2 ** 26,
  2 ** 26 + 1,
  2 ** 31,
  2 ** 32,
  2 ** 40,
  2 ** 53 - 1,
] as const;

function odd(random: Random): number {
  return random.oneIn(2) ? random.below(300) : random.pick(ODD_NUMBERS);
}

function varint(value: number): Uint8Array {
  return encoding.encode((encoder) => encoding.writeVarUint(encoder, value));
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
