import * as fc from 'fast-check';
import * as encoding from 'lib0/encoding';
import * as Y from 'yjs';
import { describe, expect, test } from 'vitest';
import { scan, type UpdateSummary } from '../../../../server/rooms/updates/scan.ts';
import { cpuMsOf } from '../../../support/cpu-time.ts';
import { honestCrowd } from '../../../support/docs.ts';
import { forge, forgeItems, gc, item } from '../../../support/forge.ts';

function summaryOf(update: Uint8Array): UpdateSummary {
  const scanned = scan(update);
  if (!scanned.isValid) throw new Error(scanned.code);
  return scanned.summary;
}

function contentOf(ref: number, bytes: Uint8Array): Uint8Array {
  const written = encoding.encode((encoder) => encoding.writeVarUint8Array(encoder, bytes));
  return forgeItems(1, [{ content: { ref, bytes: [...written] } }]);
}

/** Bytes that are nearly UTF-8: valid text with one byte changed, and raw bytes. */
const nearlyText = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 12 }),
  fc
    .tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }), fc.nat(), fc.nat(255))
    .map(([text, at, byte]) => {
      const bytes = new Uint8Array(Buffer.from(text, 'utf8'));
      bytes[at % bytes.length] = byte;
      return bytes;
    }),
  fc
    .string({ unit: 'binary', minLength: 1 })
    .map((text) => new Uint8Array(Buffer.from(text, 'utf8'))),
);

function decoded(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function durationOf(update: Uint8Array): number {
  return cpuMsOf(() => {
    scan(update, 'stored');
  });
}

describe('scan', () => {
  test('says of honest updates what Yjs reads from them', () => {
    for (const { update } of honestCrowd(11, 300, 4)) {
      const { structs, ds } = Y.decodeUpdate(update);
      const summary = summaryOf(update);
      expect(summary.structs).toBe(structs.length);
      const { from, to } = Y.parseUpdateMeta(update);
      const sections = [...from].flatMap(([client, clock]) => [client, clock, to.get(client)]);
      expect(summary.sections).toEqual(sections);
      const deletes = [...ds.clients].flatMap(([client, ranges]) =>
        ranges.flatMap(({ clock, len }) => [client, clock, len]),
      );
      expect(summary.deletes).toEqual(deletes);
    }
  });

  test('counts and refuses text exactly as a fatal UTF-8 decoder', () => {
    fc.assert(
      fc.property(nearlyText, (bytes) => {
        const text = decoded(bytes);
        const scanned = scan(contentOf(4, bytes));
        expect(scanned.isValid).toBe(text !== null);
        if (scanned.isValid) expect(scanned.summary.sections).toEqual([1, 0, text?.length]);
      }),
      { numRuns: 3_000 },
    );
  });

  test('accepts exactly the JSON that JSON.parse accepts', () => {
    const texts = fc.oneof(
      fc.json({ maxDepth: 3 }),
      fc.json({ maxDepth: 1 }).map((text) => text.slice(1)),
      fc.constantFrom(
        'true',
        'false',
        'null',
        'truf',
        'nul',
        'falsx',
        '"',
        '""',
        '"a',
        '"a"b"',
        '"\n"',
        '"\\"',
        '"\\u00"',
        'undefined',
        '-0',
        '01',
        '1e400',
        ' 1 ',
        '',
        '"é"',
      ),
    );
    fc.assert(
      fc.property(texts, (text) => {
        fc.pre(!text.includes('__proto__'));
        expect(scan(contentOf(5, Buffer.from(text))).isValid).toBe(isJson(text));
      }),
      { numRuns: 3_000 },
    );
  });

  test('needs what the update does not bring itself, and of each client the highest', () => {
    const update = forge([
      {
        client: 5,
        clock: 3,
        structs: [item({ origin: [7, 9], rightOrigin: [6, 1] }), item({ origin: [7, 4] })],
      },
      { client: 6, clock: 1, structs: [item({ origin: [5, 1] }), item({ parent: [8, 0] })] },
    ]);
    // 5:1 lies before what the update brings of client 5, 6:1 in what it brings.
    expect(summaryOf(update).needs).toEqual([7, 10, 5, 2, 8, 1]);
  });

  test('structs that arrive deleted are told apart from the delete set', () => {
    const update = forge(
      [{ client: 1, structs: [gc(3), item({ content: { ref: 1, bytes: [2] } }), item({})] }],
      [[1, [5, 1]]],
    );
    expect(summaryOf(update)).toMatchObject({ tombstones: [1, 0, 3, 1, 3, 5], deletes: [1, 5, 1] });
  });

  test('never reads outside its bytes, nor keeps them: a slice of a larger buffer is scanned as its copy', () => {
    const [{ update } = { update: new Uint8Array() }] = honestCrowd(5, 40).slice(-1);
    const padded = Buffer.concat([Buffer.alloc(7, 0xff), update, Buffer.alloc(9, 0xff)]);
    expect(scan(padded.subarray(7, 7 + update.length))).toEqual(scan(update));
    for (let end = 0; end < update.length; end++) {
      expect(scan(padded.subarray(7, 7 + end))).toEqual(scan(update.slice(0, end)));
    }
  });

  describe('[I6] takes time in proportion to the bytes, whatever they are', () => {
    const LIMIT_MS = 2_000;

    test('100,000 clients, each waiting for the next', () => {
      const chain = Array.from({ length: 100_000 }, (_, at) => ({
        client: at + 1,
        structs: [at === 99_999 ? item({}) : item({ origin: [at + 2, 0] })],
      }));
      expect(durationOf(forge(chain))).toBeLessThan(LIMIT_MS);
      expect(durationOf(forge(chain.toReversed()))).toBeLessThan(LIMIT_MS);
    });

    test('two clients that take turns 200,000 times', () => {
      const turns = Array.from({ length: 200_000 }, (_, at) => at);
      const sections = [
        { client: 2, structs: turns.map((at) => item({ origin: [1, at] })) },
        {
          client: 1,
          structs: turns.map((at) => (at === 0 ? item({}) : item({ origin: [2, at - 1] }))),
        },
      ];
      expect(durationOf(forge(sections))).toBeLessThan(LIMIT_MS);
    });

    test('50,000 clients that all wait for different clocks of one', () => {
      const count = 50_000;
      const waiting = Array.from({ length: count }, (_, at) => ({
        client: at + 10,
        structs: [item({ origin: [1, at] })],
      }));
      const one = {
        client: 1,
        structs: Array.from({ length: count }, (_, at) =>
          at === 0 ? item({}) : item({ origin: [at + 9, 0] }),
        ),
      };
      expect(durationOf(forge([...waiting, one]))).toBeLessThan(LIMIT_MS);
      expect(durationOf(forge([one, ...waiting.toReversed()]))).toBeLessThan(LIMIT_MS);
    });

    test('origins whose hashes are chosen to collide', () => {
      // All multiples of a power of two, which a weak hash throws into one slot.
      const items = Array.from({ length: 200_000 }, (_, at) =>
        item({ origin: [3, at * 65_536], rightOrigin: [4, at * 65_536] }),
      );
      expect(durationOf(forge([{ client: 1, structs: items }]))).toBeLessThan(LIMIT_MS);
    });

    test('200,000 different root types', () => {
      const items = Array.from({ length: 200_000 }, (_, at) => ({ parent: `root ${at}` }));
      expect(durationOf(forgeItems(1, items))).toBeLessThan(LIMIT_MS);
    });
  });
});
