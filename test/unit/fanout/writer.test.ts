import * as encoding from 'lib0/encoding';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Writer, written } from '../../../server/fanout/writer.ts';

const text = (value: string) => (writer: Writer) => {
  writer.text(value);
};
const bytes = fc.uint8Array({ maxLength: 500 });

describe('a written message', () => {
  it('has the bytes that lib0 would have written', () => {
    const parts = fc.array(
      fc.oneof(
        fc.maxSafeNat().map((value) => ({ uint: value })),
        fc.string({ unit: 'binary' }).map((value) => ({ text: value })),
        bytes.map((value) => ({ bytes: value })),
        fc.boolean().map((value) => ({ flag: value })),
        fc.nat(0xffff_ffff).map((value) => ({ uint32: value })),
      ),
    );
    fc.assert(
      fc.property(parts, (all) => {
        const encoder = encoding.createEncoder();
        const result = written((writer) => {
          for (const part of all) {
            if ('uint' in part) {
              writer.uint(part.uint);
              encoding.writeVarUint(encoder, part.uint);
            } else if ('text' in part) {
              writer.text(part.text);
              encoding.writeVarString(encoder, part.text);
            } else if ('bytes' in part) {
              writer.bytes(part.bytes);
              encoding.writeVarUint8Array(encoder, part.bytes);
            } else if ('flag' in part) {
              writer.flag(part.flag);
              encoding.writeUint8(encoder, part.flag ? 1 : 0);
            } else {
              writer.uint32(part.uint32);
              encoding.writeUint32(encoder, part.uint32);
            }
          }
        });
        expect(result).toEqual(encoding.toUint8Array(encoder));
      }),
    );
  });

  it('is its own: later messages, also those inside it, change nothing of it', () => {
    const first = written(text('first'));
    let inner: Uint8Array | null = null;
    const outer = written((writer) => {
      writer.text('before');
      inner = written(text('inner, and longer than what is around it'.repeat(1_000)));
      writer.bytes(inner);
    });
    written(text('something else, longer than all of these'));
    expect(Buffer.from(first).toString()).toContain('first');
    expect(Buffer.from(outer.subarray(1, 7)).toString()).toBe('before');
    expect(Buffer.from(outer).includes(Buffer.from(inner ?? []))).toBe(true);
  });

  it('can be written after one that failed half-way', () => {
    expect(() =>
      written((writer) => {
        writer.text('half');
        throw new RangeError('no');
      }),
    ).toThrow(RangeError);
    expect(written((writer) => writer.byte(1))).toEqual(Uint8Array.of(1));
  });
});
