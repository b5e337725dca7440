import { describe, expect, it } from 'vitest';
import { parseStrictJson } from '../../../server/http/strict-json.ts';

const parse = (text: string): unknown => parseStrictJson(Buffer.from(text));

describe('strict JSON', () => {
  it.each([
    '{"a":{"b":[1,-2.5e3,"x\\"y",null,true]},"c":{}}',
    '{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}',
    '"{\\"a\\":1,\\"a\\":2}"',
    '{"__proto":1,"proto__":"__proto__"}',
    `${'['.repeat(32)}${']'.repeat(32)}`,
    '1e308',
    '{"a":"1e400"}',
  ])('takes %s as JSON.parse does', (text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  it.each([
    ['R14 a key twice', '{"a":1,"a":1}'],
    ['R14 a key twice, the second escaped', '{"a":1,"\\u0061":1}'],
    ['R14 a key twice, further in', '[{"x":{"a":1,"b":[{}],"a":2}}]'],
    ['R14 __proto__', '{"__proto__":{}}'],
    ['R14 __proto__, escaped', '{"\\u005f_proto__":{}}'],
    ['R14 constructor', '{"a":{"constructor":{}}}'],
    ['R14 1e400', '[1e400]'],
    ['R14 -1e400', '{"a":-1e400}'],
    ['R14 one level too many', `${'['.repeat(33)}${']'.repeat(33)}`],
    ['R14 10^5 levels', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['nothing', ''],
    ['two values', '1 2'],
    ['a comma at the end', '[1,]'],
  ])('refuses %s', (_name, text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'invalid-request' }));
  });

  it('refuses what is not UTF-8', () => {
    expect(() => parseStrictJson(Uint8Array.of(0x22, 0xff, 0x22))).toThrow('not JSON');
  });
});
