import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as records from '../../../persistence/records.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const bytes = fc.uint8Array({ maxLength: 200 });
const chunk = fc.record({ seq: u32, length: u32, crc: u32 });
const base = fc.record(
  {
    generation: u32,
    upToSeq: fc.integer({ min: -1, max: 0xffff_fffe }),
    head: bytes,
    chunks: fc.array(chunk, { maxLength: 20 }),
    // As an older build wrote it: without.
    outline: bytes,
    updatedAtMs: fc.integer({ min: 0, max: 2 ** 45 }),
  },
  { requiredKeys: ['generation', 'upToSeq', 'head', 'chunks'] },
);

const atMs = 1_790_000_000_123;
const changes = fc.record({
  atMs: u32,
  changes: fc.array(
    fc.record({
      kind: fc.constantFrom('created' as const, 'changed' as const, 'deleted' as const),
      name: fc.string({ unit: 'grapheme' }),
    }),
  ),
});

interface Kind {
  readonly name: string;
  /** A record, as bytes. */
  readonly any: fc.Arbitrary<Uint8Array>;
  readonly decode: (value: Uint8Array) => unknown;
}

const kinds: readonly Kind[] = [
  { name: 'base', any: base.map(records.encodeBase), decode: records.decodeBase },
  {
    name: 'skips',
    any: fc.array(fc.tuple(u32, u32)).map((pairs) => records.encodeSkips(new Map(pairs))),
    decode: records.decodeSkips,
  },
  {
    name: 'sums',
    any: fc.array(u32).map((crcs) => records.encodeSums(crcs, atMs)),
    decode: records.decodeSums,
  },
  { name: 'opaque', any: bytes.map(records.encodeOpaque), decode: records.decodeOpaque },
  { name: 'changes', any: changes.map(records.encodeChanges), decode: records.decodeChanges },
  {
    name: 'document',
    any: fc
      .record({ createdAtMs: fc.option(u32), deletedAtMs: fc.option(u32) })
      .map(records.encodeDocument),
    decode: records.decodeDocument,
  },
  {
    name: 'quarantine',
    any: fc.record({ reason: fc.string(), atMs: u32, bytes }).map(records.encodeQuarantine),
    decode: records.decodeQuarantine,
  },
  {
    name: 'store',
    any: fc.record({ schema: u32, storeId: fc.string(), commit: u32 }).map(records.encodeStore),
    decode: records.decodeStore,
  },
];

describe('records', () => {
  it('a base comes back as it was', () => {
    fc.assert(
      fc.property(base, (record) => {
        const decoded = records.decodeBase(records.encodeBase(record));
        const { head, outline } = record;
        expect(decoded).toEqual({
          ...record,
          head: Uint8Array.from(head),
          ...(outline === undefined ? {} : { outline: Uint8Array.from(outline) }),
        });
      }),
    );
  });

  it('checksums, skips and the rest come back as they were', () => {
    fc.assert(
      fc.property(fc.array(u32), fc.array(fc.tuple(u32, u32)), bytes, (crcs, pairs, update) => {
        const sums = { crcs, atMs };
        expect(records.decodeSums(records.encodeSums(crcs, atMs + 0.7))).toEqual(sums);
        const skips = new Map(pairs);
        expect(records.decodeSkips(records.encodeSkips(skips))).toEqual(skips);
        const quarantined = {
          reason: 'why',
          atMs: 1_700_000_000_000,
          bytes: Uint8Array.from(update),
        };
        const encoded = records.encodeQuarantine(quarantined);
        expect(records.decodeQuarantine(encoded)).toEqual(quarantined);
      }),
    );
    const document = { createdAtMs: 1_700_000_000_000, deletedAtMs: null };
    expect(records.decodeDocument(records.encodeDocument(document))).toEqual(document);
    const store = { schema: 1, storeId: 'id', commit: 2 ** 40 };
    expect(records.decodeStore(records.encodeStore(store))).toEqual(store);
  });

  it('what other parts keep, and the words of the change log, come back as they were', () => {
    fc.assert(
      fc.property(bytes, changes, (payload, record) => {
        const copy = Uint8Array.from(payload);
        expect(records.decodeOpaque(records.encodeOpaque(copy))).toEqual(copy);
        expect(records.decodeChanges(records.encodeChanges(record))).toEqual(record);
      }),
    );
  });

  it('checksum and base records of the first version, which carry no time, are still read', () => {
    // Version 1: the checksums alone; sealed as all records are.
    const sums = Buffer.from('01785634120df0adba', 'hex');
    const sealed = Buffer.concat([sums, Buffer.alloc(4)]);
    sealed.writeUInt32LE(crc32(sums), 9);
    expect(records.decodeSums(sealed)).toEqual({ crcs: [0x12345678, 0xbaadf00d], atMs: null });
    const first = { generation: 1, upToSeq: 4, head: Uint8Array.of(9), chunks: [] };
    expect(records.encodeBase(first)[0]).toBe(1);
    expect(records.decodeBase(records.encodeBase(first))).toEqual(first);
  });

  it.each(kinds)(
    '[I8] any flipped bit, cut or other version of a $name record is noticed',
    ({ any, decode }) => {
      fc.assert(
        fc.property(any, fc.nat(), fc.integer({ min: 0, max: 7 }), (value, at, bit) => {
          expect(decode(value)).not.toBeNull();
          const flipped = Uint8Array.from(value);
          const index = at % flipped.length;
          flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
          expect(decode(flipped)).toBeNull();
          expect(decode(value.subarray(0, at % value.length))).toBeNull();
        }),
      );
    },
  );

  it('[I10] our state vector record is one that y-leveldb reads as outdated', () => {
    expect(records.decodeStateVectorClock(records.ourStateVector)).toBe(0xffff_ffff);
    expect([...records.ourStateVector]).toEqual([0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0]);
    expect(records.decodeStateVectorClock(Uint8Array.of(0x80))).toBeNull();
  });
});
