/**
 * Writes Yjs V1 updates that no client would send: structs with any ids, lengths, origins and contents. For
 * tests of what must be refused, or survived.
 */
import * as encoding from 'lib0/encoding';

export type Id = readonly [client: number, clock: number];

export interface ForgedItem {
  readonly origin?: Id | null;
  readonly rightOrigin?: Id | null;
  /** A root's name, or the id of a parent; only written when there is neither origin. */
  readonly parent?: string | Id;
  readonly key?: string;
  /** Text content; any other is given as ref and bytes. */
  readonly text?: string;
  readonly content?: { readonly ref: number; readonly bytes: readonly number[] };
}

export interface ForgedSection {
  readonly client: number;
  readonly clock?: number;
  readonly structs: readonly Uint8Array[];
}

export function forge(
  sections: readonly ForgedSection[],
  deletes: readonly (readonly [client: number, ...ranges: (readonly [number, number])[]])[] = [],
): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, sections.length);
  for (const { client, clock = 0, structs } of sections) {
    encoding.writeVarUint(encoder, structs.length);
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, clock);
    for (const struct of structs) encoding.writeUint8Array(encoder, struct);
  }
  encoding.writeVarUint(encoder, deletes.length);
  for (const [client, ...ranges] of deletes) {
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, ranges.length);
    for (const [clock, length] of ranges) {
      encoding.writeVarUint(encoder, clock);
      encoding.writeVarUint(encoder, length);
    }
  }
  return encoding.toUint8Array(encoder);
}

export function item({
  origin,
  rightOrigin,
  parent = 'text',
  key,
  text = 'x',
  content,
}: ForgedItem): Uint8Array {
  const encoder = encoding.createEncoder();
  const ref = content?.ref ?? 4;
  encoding.writeUint8(
    encoder,
    ref | (origin ? 0x80 : 0) | (rightOrigin ? 0x40 : 0) | (key === undefined ? 0 : 0x20),
  );
  if (origin) writeId(encoder, origin);
  if (rightOrigin) writeId(encoder, rightOrigin);
  if (!origin && !rightOrigin) {
    encoding.writeVarUint(encoder, typeof parent === 'string' ? 1 : 0);
    if (typeof parent === 'string') encoding.writeVarString(encoder, parent);
    else writeId(encoder, parent);
    if (key !== undefined) encoding.writeVarString(encoder, key);
  }
  if (content === undefined) encoding.writeVarString(encoder, text);
  else encoding.writeUint8Array(encoder, Uint8Array.from(content.bytes));
  return encoding.toUint8Array(encoder);
}

export function gc(length: number): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeUint8(encoder, 0);
  encoding.writeVarUint(encoder, length);
  return encoding.toUint8Array(encoder);
}

export function skip(length: number): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeUint8(encoder, 10);
  encoding.writeVarUint(encoder, length);
  return encoding.toUint8Array(encoder);
}

/** One client's items from clock 0. */
export function forgeItems(client: number, items: readonly ForgedItem[]): Uint8Array {
  return forge([{ client, structs: items.map((entry) => item(entry)) }]);
}

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

function writeId(encoder: encoding.Encoder, [client, clock]: Id): void {
  encoding.writeVarUint(encoder, client);
  encoding.writeVarUint(encoder, clock);
}
