/** How CodeMirror looks: the page's colours, through its custom properties, which reach into the shadow tree. */
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import type { Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const theme = EditorView.theme({
  '&': { height: '100%', color: 'var(--ink)', backgroundColor: 'transparent' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': {
    fontFamily: 'var(--mono)',
    fontSize: 'var(--text-size, 0.9375rem)',
    lineHeight: '1.65',
    overflow: 'auto',
  },
  '.cm-content': { padding: '1.5rem 0 40vh', caretColor: 'var(--ink)' },
  '.cm-line': { padding: '0 1.5rem 0 0.75rem' },
  '.cm-gutters': {
    backgroundColor: 'transparent',
    color: 'var(--ink-faint)',
    border: 'none',
    paddingLeft: '0.5rem',
  },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--line-here)' },
  '.cm-activeLineGutter': { color: 'var(--ink-soft)' },
  '.cm-placeholder': { color: 'var(--ink-soft)' },
  '.cm-selectionBackground, &.cm-focused .cm-selectionBackground': {
    backgroundColor: 'var(--selection) !important',
  },
  '.cm-cursor': { borderLeftColor: 'var(--ink)', borderLeftWidth: '2px' },
  '.cm-matchingBracket': { backgroundColor: 'var(--selection)', outline: 'none' },
  '.cm-panels': { backgroundColor: 'var(--ground)', color: 'var(--ink)' },
  '.cm-panels-top, .cm-panels-bottom': { borderColor: 'var(--line)' },
  '.cm-textfield': { backgroundColor: 'var(--sheet)', borderColor: 'var(--line-strong)' },
  '.cm-button': {
    backgroundImage: 'none',
    backgroundColor: 'var(--sheet)',
    borderColor: 'var(--line-strong)',
  },
  '.caret': {
    position: 'relative',
    borderLeft: '2px solid var(--person)',
    marginLeft: '-1px',
    marginRight: '-1px',
    pointerEvents: 'none',
  },
  '.caret-name': {
    position: 'absolute',
    bottom: '100%',
    left: '-2px',
    padding: '1px 6px',
    borderRadius: '6px 6px 6px 0',
    fontFamily: 'var(--sans)',
    fontSize: '0.6875rem',
    fontWeight: '500',
    lineHeight: '1.4',
    whiteSpace: 'nowrap',
    color: '#fff',
    backgroundColor: 'var(--person)',
    zIndex: '10',
    userSelect: 'none',
  },
});

const colors = HighlightStyle.define([
  { tag: tags.heading, fontWeight: '700' },
  { tag: tags.strong, fontWeight: '700' },
  { tag: tags.emphasis, fontStyle: 'italic' },
  { tag: tags.strikethrough, textDecoration: 'line-through' },
  { tag: [tags.link, tags.url], color: 'var(--accent)', textDecoration: 'underline' },
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: 'var(--code-keyword)' },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: 'var(--code-string)' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: 'var(--code-number)' },
  { tag: [tags.comment, tags.quote, tags.meta], color: 'var(--ink-soft)', fontStyle: 'italic' },
  {
    tag: [tags.typeName, tags.className, tags.tagName, tags.propertyName, tags.attributeName],
    color: 'var(--code-name)',
  },
]);

export const appearance: Extension = [theme, syntaxHighlighting(colors)];
