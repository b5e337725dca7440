import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyEncoding } from 'y-leveldb';
import * as keys from '../../../persistence/keys.ts';

const name = fc.string({ unit: 'grapheme', maxLength: 300 });
const seq = fc.integer({ min: 0, max: keys.SEQ_MAX });

const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');

describe('keys', () => {
  it("[I10] update and state vector keys are y-leveldb's, byte for byte", () => {
    fc.assert(
      fc.property(name, seq, (doc, n) => {
        const key = keys.updateKey(keys.updateKeyPrefix(doc), n);
        expect(key).toEqual(keyEncoding.encode(['v1', doc, 'update', n]));
        expect(keyEncoding.decode(key)).toEqual(['v1', doc, 'update', n]);
        expect(keys.seqOfKey(key)).toBe(n);
        expect(keys.stateVectorKey(doc)).toEqual(keyEncoding.encode(['v1_sv', doc]));
        expect(keys.nameOfStateVectorKey(keys.stateVectorKey(doc))).toBe(doc);
      }),
    );
  });

  it('[I10] our own keys lie outside of every range that y-leveldb reads', () => {
    fc.assert(
      fc.property(name, seq, (doc, n) => {
        const own = [
          keys.storeKey,
          keys.nameKey(doc),
          keys.recordKey('base', doc),
          keys.numberedRecordKey('quarantine', doc, n),
        ];
        for (const key of own) {
          expect(Buffer.compare(key, keyEncoding.encode(['v1_sw']))).toBe(1);
          expect(keyEncoding.decode(keys.recordKey('base', doc))[0]).toBe('syncline');
        }
      }),
    );
  });

  it('numbered keys are in order of their numbers, and a range holds exactly its own', () => {
    fc.assert(
      fc.property(name, name, seq, seq, (doc, other, a, b) => {
        const prefix = keys.updateKeyPrefix(doc);
        const order = Buffer.compare(keys.updateKey(prefix, a), keys.updateKey(prefix, b));
        expect(order).toBe(Math.sign(a - b));
        const range = keys.updateRange(prefix, Math.min(a, b), Math.max(a, b));
        const isIn = (key: Buffer): boolean =>
          Buffer.compare(key, range.gte) >= 0 && Buffer.compare(key, range.lt) < 0;
        expect(isIn(keys.updateKey(prefix, a))).toBe(true);
        if (other !== doc) {
          expect(isIn(keys.updateKey(keys.updateKeyPrefix(other), a))).toBe(false);
        }
        const sums = keys.recordRange('sums', doc);
        const key = keys.numberedRecordKey('sums', doc, a);
        expect(key).toEqual(keys.updateKey(keys.sumsKeyPrefix(doc), a));
        expect(Buffer.compare(key, sums.gte) >= 0 && Buffer.compare(key, sums.lt) < 0).toBe(true);
      }),
    );
  });

  it('the name index is in order of code points, with prefixes and cursors', () => {
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 20 }), name, name, (names, prefix, after) => {
        const { gte, lt } = keys.nameRange({ prefix, after });
        const found = names
          .map(keys.nameKey)
          .filter((key) => Buffer.compare(key, gte) >= 0 && Buffer.compare(key, lt) < 0)
          .toSorted((a, b) => Buffer.compare(a, b))
          .map(keys.nameOfNameKey);
        const expected = names
          .filter((doc) => doc.startsWith(prefix) && Buffer.compare(utf8(doc), utf8(after)) > 0)
          .toSorted((a, b) => Buffer.compare(utf8(a), utf8(b)));
        expect(found).toEqual(expected);
      }),
    );
  });
});
