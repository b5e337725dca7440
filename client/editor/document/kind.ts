/**
 * What a document is: rich text in the XML root `default` (Tiptap's), or plain text in the text root `text`; and what
 * it is called. Both stand in the map `meta`, which other programs may leave out: then the content decides, and for an
 * empty document its name.
 */
import type * as Y from 'yjs';

export type Kind = 'rich' | 'text';

export const RICH_ROOT = 'default';
export const TEXT_ROOT = 'text';
const META_ROOT = 'meta';
export const TITLE_LENGTH_MAX = 120;

/** Endings of names that are code or plain text, and what CodeMirror calls them. */
export const LANGUAGES: Readonly<Record<string, Language>> = {
  txt: 'text',
  log: 'text',
  md: 'markdown',
  js: 'javascript',
  jsx: 'javascript',
  ts: 'javascript',
  tsx: 'javascript',
  json: 'json',
  py: 'python',
  html: 'html',
  css: 'css',
  yaml: 'yaml',
  yml: 'yaml',
};

export type Language =
  'text' | 'markdown' | 'javascript' | 'json' | 'python' | 'html' | 'css' | 'yaml';

export function languageOf(name: string): Language {
  const ending = /\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  return LANGUAGES[ending] ?? 'text';
}

export function kindOf(doc: Y.Doc, name: string): Kind {
  const said: unknown = doc.getMap(META_ROOT).get('kind');
  if (said === 'rich' || said === 'text') return said;
  if (doc.getText(TEXT_ROOT).length > 0) return 'text';
  if (doc.getXmlFragment(RICH_ROOT).length > 0) return 'rich';
  return kindOfName(name);
}

/** Of a document that says nothing yet: the same for everybody who opens it. */
export function kindOfName(name: string): Kind {
  const ending = /\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  return ending in LANGUAGES ? 'text' : 'rich';
}

export function setKind(doc: Y.Doc, kind: Kind): void {
  doc.getMap(META_ROOT).set('kind', kind);
}

/** Null: it has none but its name. */
export function titleOf(doc: Y.Doc): string | null {
  return cleanTitle(doc.getMap(META_ROOT).get('title'));
}

export function setTitle(doc: Y.Doc, title: string): void {
  doc.getMap(META_ROOT).set('title', cleanTitle(title) ?? '');
}

/** What `…/content?type=map&name=meta` says. */
export function metaIn(json: unknown): {
  readonly title: string | null;
  readonly kind: Kind | null;
} {
  const { title, kind } = (json ?? {}) as Record<string, unknown>;
  return { title: cleanTitle(title), kind: kind === 'rich' || kind === 'text' ? kind : null };
}

export function watchMeta(doc: Y.Doc, watch: () => void): () => void {
  const meta = doc.getMap(META_ROOT);
  meta.observe(watch);
  return () => meta.unobserve(watch);
}

function cleanTitle(title: unknown): string | null {
  if (typeof title !== 'string') return null;
  const clean = title.replaceAll(/[\p{C}\s]+/gu, ' ').trim();
  return clean === '' ? null : Array.from(clean).slice(0, TITLE_LENGTH_MAX).join('');
}
