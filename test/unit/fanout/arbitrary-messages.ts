/** Any message that a node may send, for property tests. */
import * as fc from 'fast-check';
import * as Y from 'yjs';
import { parseDocumentName, type DocumentName } from '../../../server/protocol/document-name.ts';
import type { Message } from '../../../server/fanout/messages.ts';
import { SWEEP_BUCKETS } from '../../../server/fanout/messages.ts';

export const nodeId: fc.Arbitrary<string> = fc.stringMatching(/^[A-Za-z0-9_.-]{1,64}$/);
export const epoch: fc.Arbitrary<string> = fc.stringMatching(/^[0-9a-f]{16}$/);
export const documentName: fc.Arbitrary<DocumentName> = fc
  .oneof(
    fc.stringMatching(/^[a-zA-Z0-9_~:@+-]{1,40}(\/[a-z0-9]{1,20}){0,3}$/),
    fc.constantFrom('プロジェクト/計画', 'naïve résumé', 'a'.repeat(200), '漢'.repeat(200)),
  )
  .filter((text) => parseDocumentName(text) !== null)
  .map((text) => text as DocumentName);

const count = fc.oneof(fc.nat(300), fc.maxSafeNat());
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const digest = fc.uint8Array({ minLength: 16, maxLength: 16 });
const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
const stateVector = fc
  .uniqueArray(fc.tuple(u32, fc.nat(2 ** 30)), { selector: ([client]) => client, maxLength: 8 })
  .map((clocks) => Y.encodeStateVector(new Map(clocks)));

const reply = fc
  .record({ size: fc.integer({ min: 1, max: 2_000 }), index: fc.nat(50), more: fc.nat(50) })
  .chain(({ size, index, more }) =>
    fc.tuple(fc.nat(size - 1), fc.nat(size)).map(([offset, length]) => ({
      index,
      count: index + 1 + more,
      offset,
      size,
      bytes: new Uint8Array(Math.max(1, Math.min(length, size - offset))).fill(7),
    })),
  );
const nothing = fc.constant({ index: 0, count: 0, offset: 0, size: 0, bytes: new Uint8Array() });

const revocation = fc
  .record({
    tokenId: fc.option(text),
    subject: fc.option(text),
    document: fc.option(documentName),
    atMs: count,
  })
  .filter(({ tokenId, subject, document }) => (tokenId ?? subject ?? document) !== null);

export const snapshotId: fc.Arbitrary<string> = fc.stringMatching(/^[0-9a-f]{12}-[0-9a-f]{8}$/);

const kind = <K extends Message['kind']>(name: K): fc.Arbitrary<K> => fc.constant(name);

export const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    kind: kind('update'),
    document: documentName,
    previousSeq: count,
    update: bytes,
  }),
  fc.record({
    kind: kind('presence'),
    document: documentName,
    isComplete: fc.boolean(),
    entries: fc.array(fc.record({ clientId: u32, clock: u32, json: fc.option(text) })),
  }),
  fc.record({
    kind: kind('heartbeat'),
    isLeaving: fc.boolean(),
    isAsking: fc.boolean(),
    entries: fc.array(fc.record({ document: documentName, lastSeq: count, digest })),
  }),
  fc.record({
    kind: kind('request'),
    to: nodeId,
    document: documentName,
    nonce: count,
    stateVector,
    deleteDigest: digest,
  }),
  fc
    .record({
      kind: kind('reply'),
      to: nodeId,
      document: documentName,
      nonce: count,
      upToSeq: count,
      piece: fc.oneof(reply, nothing),
    })
    .map(({ piece, ...rest }) => ({ ...rest, ...piece })),
  fc.record({
    kind: kind('durable'),
    to: nodeId,
    epoch,
    entries: fc.array(fc.record({ document: documentName, upToSeq: count })),
  }),
  fc.record({ kind: kind('revoke'), revocations: fc.array(revocation, { minLength: 1 }) }),
  fc.record({ kind: kind('tombstone'), document: documentName, deletedAtMs: count }),
  fc.record({
    kind: kind('application'),
    document: fc.option(documentName),
    topic: fc.stringMatching(/^[a-z.]{1,64}$/),
    bytes: fc.uint8Array(),
  }),
  fc.record({
    kind: kind('buckets'),
    digests: fc.nat(255).map((fill) => new Uint8Array(SWEEP_BUCKETS * 16).fill(fill)),
  }),
  fc.record({
    kind: kind('list-request'),
    to: nodeId,
    nonce: count,
    bucket: fc.nat(SWEEP_BUCKETS - 1),
    after: fc.option(documentName),
  }),
  fc.record({
    kind: kind('list-reply'),
    to: nodeId,
    nonce: count,
    bucket: fc.nat(SWEEP_BUCKETS - 1),
    isLast: fc.boolean(),
    entries: fc.array(fc.record({ document: documentName, isDeleted: fc.boolean(), digest })),
  }),
  fc.record({
    kind: kind('snapshots'),
    entries: fc.array(fc.record({ document: documentName, digest })),
  }),
  fc.record({
    kind: kind('snapshot-request'),
    to: nodeId,
    document: documentName,
    nonce: count,
    id: fc.option(snapshotId),
    offset: fc.nat(2 ** 28),
  }),
  fc
    .record({
      kind: kind('snapshot-reply'),
      to: nodeId,
      document: documentName,
      nonce: count,
      bytes: fc.uint8Array(),
      more: fc.nat(1_000),
    })
    .map(({ more, ...rest }) => ({ ...rest, size: rest.bytes.length + more })),
);
