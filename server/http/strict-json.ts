/**
 * JSON as this API takes it: what two parsers could read in two ways, or what could change an object's prototype, is
 * refused instead of interpreted.
 */
import { ProtocolError } from '../protocol/errors.ts';

const DEPTH_MAX = 32;
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** A string, a number, or a mark that opens, closes or divides; in valid JSON nothing else matters here. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[{}[\]:,]/g;

/** @throws ProtocolError `invalid-request`: not UTF-8, not JSON, too deep, a key twice, a number out of range */
export function parseStrictJson(bytes: Uint8Array): unknown {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw new ProtocolError('invalid-request', 'The body is not JSON.');
  }
  const reason = objectionTo(text);
  if (reason !== null) throw new ProtocolError('invalid-request', reason);
  return value;
}

/** `text` is valid JSON. */
function objectionTo(text: string): string | null {
  /** One entry a level: the keys seen so far, null for an array. */
  const levels: (Set<string> | null)[] = [];
  let previous = '';
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') {
      if (levels.push(token === '{' ? new Set() : null) > DEPTH_MAX) return 'Nested too deeply.';
    } else if (token === '}' || token === ']') {
      levels.pop();
    } else if (token === ':') {
      const key = JSON.parse(previous) as string;
      const keys = levels.at(-1);
      if (FORBIDDEN_KEYS.has(key)) return 'A key that JSON may not have here.';
      if (keys?.has(key) === true) return 'A key stands twice.';
      keys?.add(key);
    } else if (token !== ',' && !token.startsWith('"') && !Number.isFinite(Number(token))) {
      return 'A number out of range.';
    }
    previous = token;
  }
  return null;
}
