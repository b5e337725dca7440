/** Answers of any size in pieces that fit a message: nothing is applied that did not come whole. */
import { describe, expect, it } from 'vitest';
import { MESSAGE_BYTES_MAX } from '../../../server/fanout/bus.ts';
import { encodeEnvelope } from '../../../server/fanout/envelope.ts';
import { encodePayload } from '../../../server/fanout/payloads.ts';
import { Assembly, cutAnswer, type Assembled, type Piece } from '../../../server/fanout/pieces.ts';
import type { DocumentName } from '../../../server/protocol/document-name.ts';

const MiB = 1024 * 1024;
const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);
const ANSWER = [filled(10, 1), filled(2.5 * MiB, 2), filled(256 * 1024, 3), filled(1, 4)];

const assemble = (pieces: readonly Piece[], assembly = new Assembly(64 * MiB)): Assembled[] =>
  pieces.map((piece) => assembly.add(piece)).filter(({ kind }) => kind !== 'waiting');
const updatesOf = (results: readonly Assembled[]): Buffer[] =>
  results.flatMap((result) => (result.kind === 'update' ? [Buffer.from(result.update)] : []));

describe('pieces', () => {
  it('come together as the updates that were cut', () => {
    const results = assemble([...cutAnswer(ANSWER)]);
    const updates = updatesOf(results);
    expect(updates).toHaveLength(ANSWER.length);
    // Not toEqual: it compares megabytes byte by byte.
    expect(updates.every((bytes, index) => bytes.equals(ANSWER[index] ?? bytes))).toBe(true);
    expect(results.at(-1)).toMatchObject({ isLast: true, isComplete: true });
  });

  it('B12 each fits a message, with the longest names, traced and signed', () => {
    const name = 'n'.repeat(64);
    for (const piece of cutAnswer(ANSWER)) {
      const document = '漢'.repeat(200) as DocumentName;
      const big = 2 ** 53 - 1;
      const payload = encodePayload({
        kind: 'reply',
        to: name,
        document,
        nonce: big,
        upToSeq: big,
        ...piece,
      });
      const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
      const header = {
        origin: name,
        region: name,
        epoch: '0123456789abcdef',
        seq: big,
        traceparent,
      };
      const bytes = encodeEnvelope({ kind: 'reply', document, payload, ...header }, 'secret');
      expect(bytes.length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX);
    }
  });

  it('an empty answer says that there is nothing', () => {
    expect(assemble([...cutAnswer([])])).toEqual([{ kind: 'nothing' }]);
  });

  it('a lost piece costs its update, not the others, and the end tells', () => {
    const pieces = [...cutAnswer(ANSWER)];
    const lost = pieces.findIndex(({ index, offset }) => index === 1 && offset > 0);
    const results = assemble(pieces.toSpliced(lost, 1));
    expect(updatesOf(results).map(({ length }) => length)).toEqual([10, 256 * 1024, 1]);
    expect(results.at(-1)).toMatchObject({ isLast: true, isComplete: false });
  });

  it('B06 pieces that come twice change nothing', () => {
    const pieces = [...cutAnswer(ANSWER)];
    const results = assemble(pieces.flatMap((piece) => [piece, piece]));
    expect(updatesOf(results)).toHaveLength(ANSWER.length);
    expect(results.at(-1)).toMatchObject({ isComplete: true });
  });

  it('B07 pieces out of order are not put together wrongly', () => {
    const results = assemble([...cutAnswer(ANSWER)].toReversed());
    for (const bytes of updatesOf(results)) {
      expect(ANSWER.some((update) => Buffer.from(update).equals(bytes))).toBe(true);
    }
  });

  it('B12 an update over the limit is given up, and nothing is held for what has not come', () => {
    const assembly = new Assembly(MiB);
    const piece = { index: 0, count: 1, offset: 0, size: 40 * MiB, bytes: filled(10, 1) };
    expect(assembly.add(piece)).toEqual({ kind: 'too-large' });
    assembly.add({ ...piece, size: MiB });
    expect(assembly.bytes).toBe(10);
  });
});
