/**
 * Shared types as JSON: a map as an object with its keys sorted, an array as an array, a text as a string without
 * formatting, XML as a string. What JSON has no word for: bytes are base64, big integers are strings, a
 * subdocument is `{"guid": …}`, undefined is null. Only own properties are read, so that a key `__proto__` is a key.
 */
import * as Y from 'yjs';
import type { Output } from './output.ts';
import { plainText } from './render-text.ts';
import { writeXml } from './render-xml.ts';
import { listItems, mapItems, type SharedType } from './whole-document.ts';

/** A nested type, as what it is. */
export function writeType(out: Output, type: SharedType): void {
  if (isXml(type)) writeXmlString(out, type);
  else if (type instanceof Y.Text) out.write(JSON.stringify(plainText(type)));
  else if (type instanceof Y.Map) writeMap(out, type);
  else writeArray(out, type);
}

export function writeMap(out: Output, type: SharedType): void {
  let separator = '{';
  for (const [key, item] of mapItems(type)) {
    out.write(`${separator}${JSON.stringify(key)}:`);
    writeUnit(out, item.content, item.length - 1);
    separator = ',';
  }
  out.write(separator === '{' ? '{}' : '}');
}

export function writeArray(out: Output, type: SharedType): void {
  let separator = '[';
  for (const { content, length } of listItems(type)) {
    if (!content.isCountable()) continue;
    for (let unit = 0; unit < length; unit++) {
      out.write(separator);
      writeUnit(out, content, unit);
      separator = ',';
    }
  }
  out.write(separator === '[' ? '[]' : ']');
}

/** One unit of a content; see pieces.ts. */
export function writeUnit(out: Output, content: Y.Item['content'], unit: number): void {
  if (content instanceof Y.ContentType) writeType(out, content.type);
  else if (content instanceof Y.ContentDoc) out.write(JSON.stringify({ guid: content.doc.guid }));
  else out.write(jsonOf(content.getContent()[unit]));
}

export function jsonOf(value: unknown): string {
  const json: string | undefined = JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === 'bigint') return inner.toString();
    return inner instanceof Uint8Array ? Buffer.from(inner).toString('base64') : inner;
  });
  return json ?? 'null';
}

export function isXml(type: SharedType): boolean {
  // An XmlElement is an XmlFragment, too.
  return type instanceof Y.XmlFragment || type instanceof Y.XmlText || type instanceof Y.XmlHook;
}

function writeXmlString(out: Output, type: SharedType): void {
  out.write('"');
  writeXml((text) => {
    out.write(JSON.stringify(text).slice(1, -1));
  }, type);
  out.write('"');
}
