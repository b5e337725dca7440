/**
 * XML types as well-formed XML. As Yjs' own `toString`, attributes and marks are sorted by name, and formatting
 * becomes elements around the text: `<bold>`, `<link href="…">`, outermost the first by name. Unlike it:
 *
 * - text and attributes are escaped; characters that XML cannot hold become U+FFFD
 * - names keep their case (`bulletList`), and characters that no XML name has become `_`
 * - a mark with a plain value is `<color value="#f00">`, other values in attributes are JSON
 * - what is embedded in a text is `<embed>` with its JSON
 */
import * as Y from 'yjs';
import { jsonOf } from './render-json.ts';
import { plainText, runsOf } from './render-text.ts';
import { mapItems, type SharedType } from './whole-document.ts';

type Write = (xml: string) => void;

/** A type with its own tags, if it has any. */
export function writeXml(write: Write, type: SharedType): void {
  if (type instanceof Y.XmlElement) writeElement(write, type.nodeName, type);
  else if (type instanceof Y.XmlHook) writeElement(write, type.hookName, type);
  else if (type instanceof Y.XmlFragment || type instanceof Y.XmlText) writeChildren(write, type);
  // Nothing that Yjs' interface lets one put here.
  else write(escapeText(plainText(type)));
}

/** Any type as an element of this name: children in its list, attributes in its map. */
export function writeElement(write: Write, name: string, type: SharedType): void {
  const tag = xmlName(name);
  const attributes = mapItems(type).map(
    ([key, { content, length }]) => [key, content.getContent()[length - 1] as unknown] as const,
  );
  write(`<${tag}${attributesXml(attributes)}>`);
  writeChildren(write, type);
  write(`</${tag}>`);
}

function writeChildren(write: Write, type: SharedType): void {
  // A list of elements has no marks, a text has: one walk for both.
  for (const { marks, insert } of runsOf(type)) {
    const elements = marks.map(([name, value]) => [xmlName(name), markAttributes(value)] as const);
    for (const [tag, attributes] of elements) write(`<${tag}${attributes}>`);
    if (typeof insert === 'string') write(escapeText(insert));
    else if (insert instanceof Y.ContentType) writeXml(write, insert.type);
    else write(`<embed>${escapeText(jsonOf(insert.embed))}</embed>`);
    for (const [tag] of elements.toReversed()) write(`</${tag}>`);
  }
}

/** `{ href: 'x' }` has attributes of its own; `true` needs none. */
function markAttributes(value: unknown): string {
  if (value === true) return '';
  const isPlain = value === null || typeof value !== 'object' || Array.isArray(value);
  return attributesXml(isPlain ? [['value', value]] : Object.entries(value).toSorted(byName));
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function attributesXml(attributes: readonly (readonly [string, unknown])[]): string {
  const seen = new Set<string>();
  return attributes
    .map(([key, value]) => {
      let name = xmlName(key);
      // Two keys that differ only in what no name has: an attribute must not come twice.
      while (seen.has(name)) name += '_';
      seen.add(name);
      return ` ${name}="${escapeAttribute(typeof value === 'string' ? value : jsonOf(value))}"`;
    })
    .join('');
}

const NOT_IN_NAMES =
  /[^A-Za-z0-9_.\-\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u037D\u037F-\u1FFF\u2070-\u218F\u2C00-\u2FEF\u3001-\uD7FF\uF900-\uFDCF\uFDF0-\uFFFD\u{10000}-\u{EFFFF}]/gu;
/** What no name begins with; and `xml`, which is reserved, and would declare namespaces. */
const NOT_AT_START = /^(?=[0-9.-]|xml|$)/iu;

function xmlName(name: string): string {
  return name.replace(NOT_IN_NAMES, '_').replace(NOT_AT_START, '_');
}

const NOT_IN_XML = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  // A parser would make it a line feed.
  '\r': '&#13;',
};

function escapeText(text: string): string {
  return text.replace(NOT_IN_XML, '\uFFFD').replace(/[&<>\r]/g, (unit) => ENTITIES[unit] ?? unit);
}

function escapeAttribute(text: string): string {
  return text
    .replace(NOT_IN_XML, '\uFFFD')
    .replace(/[&<>"\t\n\r]/g, (unit) => ENTITIES[unit] ?? unit);
}
