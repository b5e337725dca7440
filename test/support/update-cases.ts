/**
 * Table U of the bad inputs as data: updates, and what the check says of each against an empty document. The tests
 * of the check take it as it is; those of REST take the same bytes as request bodies.
 */
import { UPDATE_LIMITS } from '../../server/protocol/index.ts';
import { forge, forgeItems, fromHex, item, skip } from './forge.ts';

/** Client 1 has typed one character into the root `t`. */
export const HELLO = '010101000401017402686900';

function varints(...values: readonly number[]): readonly number[] {
  return values.flatMap((value) => {
    const bytes: number[] = [];
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
    return [...bytes, rest];
  });
}

/** Content of nested arrays, `depth` deep. */
function nestedAny(depth: number): readonly number[] {
  return [1, ...Array.from({ length: depth }, () => [117, 1]).flat(), 126];
}

function nestedJson(depth: number): readonly number[] {
  const json = Buffer.from('['.repeat(depth) + ']'.repeat(depth));
  return [...varints(json.length), ...json];
}

const PROTO = [9, ...Buffer.from('__proto__')];
/** The same nine bytes behind a length that takes two bytes where one would do. */
const PROTO_LONG = [0x89, 0, ...Buffer.from('__proto__')];

const any = (bytes: readonly number[]): Uint8Array =>
  forgeItems(1, [{ content: { ref: 8, bytes } }]);
const content = (ref: number, ...bytes: readonly number[]): Uint8Array =>
  forgeItems(1, [{ content: { ref, bytes } }]);

export const UPDATE_CASES: readonly (readonly [
  name: string,
  update: Uint8Array,
  expected: string,
])[] = [
  ['U01 empty', fromHex(''), 'refused: malformed'],
  ['U02 no-op', fromHex('0000'), 'redundant'],
  ['U03 one byte', fromHex('00'), 'refused: malformed'],
  ['U03 four bytes short', fromHex(HELLO.slice(0, -8)), 'refused: malformed'],
  ['U04 ten times ff', fromHex('ff'.repeat(10)), 'refused: malformed'],
  ['U05 trailing bytes', fromHex(`${HELLO}deadbeef`), 'refused: trailing'],
  [
    'U06 V2 on the V1 path',
    fromHex('000005b38dee87150000010409067468656c6c6f01050101000001010000'),
    'refused: trailing',
  ],
  ['U07 2^31 clients', fromHex('8080808008'), 'refused: malformed'],
  ['U08 2^31 structs', fromHex('0180808080080100'), 'refused: malformed'],
  ['U09 string of 2^30', fromHex('01010100040101748080808004'), 'refused: malformed'],
  ['U10 client over 2^53', fromHex('0101ffffffffffffffffff7f0000'), 'refused: malformed'],
  ['U11 client 2^53', forgeItems(2 ** 53, [{}]), 'refused: client-id'],
  ['U11 client 2^53-1 is honest, in Yjs 14', forgeItems(2 ** 53 - 1, [{}]), 'new'],
  ['U11 client 2^32-1 is honest', forgeItems(2 ** 32 - 1, [{}]), 'new'],
  ['U12 clock gap', fromHex('010101e80704010174017800'), 'gap: clock'],
  ['U14 clock 2^53-1', fromHex('010101ffffffffffffff0f04010174017800'), 'refused: huge-length'],
  ['U15 GC of nothing', fromHex('01010100000000'), 'refused: zero-length'],
  ['U15 empty string', fromHex('01010100040101740000'), 'refused: zero-length'],
  ['U15 empty ContentAny', any([0]), 'refused: zero-length'],
  ['U15 empty ContentJSON', content(2, 0), 'refused: zero-length'],
  ['U16 ContentDeleted of nothing', content(1, 0), 'refused: zero-length'],
  ['U17 GC of 2^40', fromHex('010101000080808080802000'), 'refused: huge-length'],
  ['U17 ContentDeleted of 2^40', fromHex('010101000101017480808080802000'), 'refused: huge-length'],
  ['U18 Skip of 2^40', fromHex('010101000a80808080802000'), 'refused: huge-length'],
  [
    'U18 a Skip that honest clients with pending structs send',
    forge([{ client: 1, structs: [item({}), skip(2), item({ origin: [1, 2] })] }]),
    'gap: skip',
  ],
  ['U21 delete of an unknown client', fromHex('00014d01008080808080808002'), 'gap: delete'],
  ['U23 2^31 clients in the delete set', fromHex('008080808008'), 'refused: malformed'],
  ['U24 content ref 11', fromHex('010101000b01017400'), 'refused: malformed'],
  ['U24 content ref 31', fromHex('010101001f01017400'), 'refused: malformed'],
  ['U24 type ref 99', fromHex('01010100070101746300'), 'refused: malformed'],
  ['U25 ContentJSON {bad', content(2, 1, 4, ...Buffer.from('{bad')), 'refused: malformed'],
  ['U25 ContentEmbed {bad', content(5, 4, ...Buffer.from('{bad')), 'refused: malformed'],
  ['U26 ContentAny nested 5,000 deep', any(nestedAny(5_000)), 'refused: depth'],
  ['U26 ContentAny at the limit', any(nestedAny(UPDATE_LIMITS.contentDepthMax)), 'new'],
  [
    'U26 ContentAny one deeper',
    any(nestedAny(UPDATE_LIMITS.contentDepthMax + 1)),
    'refused: depth',
  ],
  ['U26 embed at the limit', content(5, ...nestedJson(UPDATE_LIMITS.contentDepthMax)), 'new'],
  [
    'U26 embed one deeper',
    content(5, ...nestedJson(UPDATE_LIMITS.contentDepthMax + 1)),
    'refused: depth',
  ],
  [
    'U26 objects in objects, one deeper',
    any([
      1,
      ...Array.from({ length: UPDATE_LIMITS.contentDepthMax + 1 }, () => [118, 1, 1, 0x61]).flat(),
      126,
    ]),
    'refused: depth',
  ],
  ['U27 ContentAny nested 200,000 deep', any(nestedAny(200_000)), 'refused: depth'],
  [
    'U27 embed nested 200,000 deep',
    forgeItems(1, [{ content: { ref: 5, bytes: nestedJson(200_000) } }]),
    'refused: depth',
  ],
  ['U28 ContentAny of 2^31', any(varints(2 ** 31)), 'refused: malformed'],
  ['U28 array of 2^31', any([1, 117, ...varints(2 ** 31)]), 'refused: malformed'],
  ['U29 lone surrogate', content(4, 3, 0xed, 0xa0, 0x80), 'refused: malformed'],
  ['U30 origin is the item itself', fromHex('01010100840100017800'), 'refused: bad-origin'],
  ['U30 origin is in the own future', fromHex('01010100840105017800'), 'refused: bad-origin'],
  [
    'U30 both neighbours are the same item',
    forgeItems(1, [{}, { origin: [1, 0], rightOrigin: [1, 0] }]),
    'refused: bad-origin',
  ],
  ['U31 parent is the item itself', fromHex('0101010004000100017800'), 'refused: bad-origin'],
  [
    'U32 parent is not a type: invisible, and integrates',
    fromHex('0102010004010174016104000100017800'),
    'new',
  ],
  ['U33 origin of an unknown client', fromHex('0101010084e70705017800'), 'gap: dependency'],
  [
    'U34 a good struct and a bad one',
    forge([
      { client: 9, structs: [item({})] },
      { client: 1, structs: [item({ origin: [1, 5] })] },
    ]),
    'refused: bad-origin',
  ],
  [
    'U35 a client twice',
    forge([
      { client: 1, structs: [item({})] },
      { client: 1, structs: [item({})] },
    ]),
    'refused: duplicate-client',
  ],
  [
    'U35 a client twice in the delete set',
    forge(
      [{ client: 1, structs: [item({})] }],
      [
        [1, [0, 1]],
        [1, [0, 1]],
      ],
    ),
    'refused: duplicate-client',
  ],
  ['U41 root named __proto__', forgeItems(1, [{ parent: '__proto__' }]), 'refused: forbidden-key'],
  ['U41 map key __proto__', forgeItems(1, [{ key: '__proto__' }]), 'refused: forbidden-key'],
  [
    'U41 map key constructor is a word like any other',
    forgeItems(1, [{ key: 'constructor' }]),
    'new',
  ],
  ['U41 map key that ends like it', forgeItems(1, [{ key: 'x__proto__' }]), 'new'],
  ['U41 object key __proto__', any([1, 118, 1, ...PROTO, 126]), 'refused: forbidden-key'],
  [
    'U41 object key __proto__, its length written long',
    any([1, 118, 1, ...PROTO_LONG, 126]),
    'refused: forbidden-key',
  ],
  [
    'U41 JSON key __proto__, escaped',
    content(5, 20, ...Buffer.from('{"\\u005f_proto__":1}')),
    'refused: forbidden-key',
  ],
  [
    'U41 formatting __proto__',
    content(6, ...PROTO, 4, ...Buffer.from('true')),
    'refused: forbidden-key',
  ],
  ['U43 subdocument', content(9, 1, 0x61, 118, 1, 8, ...Buffer.from('autoLoad'), 120), 'new'],
  ['U43 subdocument whose options are null', content(9, 1, 0x61, 126), 'refused: malformed'],
  [
    'U43 subdocument whose options name another guid',
    content(9, 1, 0x61, 118, 1, 4, ...Buffer.from('guid'), 126),
    'refused: malformed',
  ],
  ['U44 1 MiB in one struct', forgeItems(1, [{ text: 'x'.repeat(2 ** 20) }]), 'new'],
  [
    'U49 the V2 vector that hangs mergeUpdatesV2',
    fromHex('00010000000001000100010200001602000001fdffffffff7f0000'),
    'refused: trailing',
  ],
  [
    'a varint of 160 bytes, which lib0 reads as NaN',
    fromHex(`${'80'.repeat(159)}00`),
    'refused: malformed',
  ],
  [
    'GC with further info bits: Yjs has two minds about it',
    fromHex('01010100200100'),
    'refused: malformed',
  ],
  ['Skip with further info bits', fromHex('010101008a0100'), 'refused: malformed'],
  [
    'a parent that is neither a name nor an id',
    fromHex('0101010004020174017800'),
    'refused: malformed',
  ],
  ['a section without structs', fromHex('0100010000'), 'refused: malformed'],
  [
    'a delete range of length 0',
    forge([{ client: 1, structs: [item({})] }], [[1, [0, 0]]]),
    'refused: zero-length',
  ],
  [
    'a delete of what the update itself brings',
    forge([{ client: 1, structs: [item({})] }], [[1, [0, 1]]]),
    'new',
  ],
  [
    'a delete one clock further',
    forge([{ client: 1, structs: [item({})] }], [[1, [0, 2]]]),
    'gap: delete',
  ],
  [
    'a map value of two clocks: split, it would break Yjs when the map is deleted',
    forgeItems(1, [{ key: 'k', text: 'ab' }]),
    'refused: map-value',
  ],
  [
    'a map value of two clocks, half deleted',
    forge([{ client: 1, structs: [item({ key: 'k', text: 'ab' })] }], [[1, [1, 1]]]),
    'refused: map-value',
  ],
  [
    'old map values, merged and all deleted, as a client without garbage collection sends them',
    forge(
      [
        {
          client: 1,
          structs: [item({ key: 'k', text: 'ab' }), item({ origin: [1, 1], key: 'k' })],
        },
      ],
      [[1, [0, 2]]],
    ),
    'new',
  ],
  [
    'two clients that wait for one another',
    forge([
      { client: 2, structs: [item({ origin: [1, 0] })] },
      { client: 1, structs: [item({ origin: [2, 0] })] },
    ]),
    'refused: cycle',
  ],
  [
    'two clients that build on one another in turns',
    forge([
      { client: 2, structs: [item({ origin: [1, 0] }), item({ origin: [1, 1] })] },
      { client: 1, structs: [item({}), item({ origin: [2, 0] })] },
    ]),
    'new',
  ],
  [
    'a cycle across three clients',
    forge([
      { client: 3, structs: [item({}), item({ origin: [2, 1] })] },
      { client: 2, structs: [item({}), item({ rightOrigin: [1, 0] })] },
      { client: 1, structs: [item({ origin: [3, 1] })] },
    ]),
    'refused: cycle',
  ],
];
