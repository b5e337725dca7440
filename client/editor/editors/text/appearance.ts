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
  '.cm-panel.cm-search': { padding: '0.5rem 2.5rem 0.5rem 0.75rem', fontFamily: 'var(--sans)' },
  '.cm-panel.cm-search :is(input, button, label)': { fontSize: '0.875rem', fontFamily: 'inherit' },
  '.cm-panel.cm-search [name=close]': { right: '0.75rem', fontSize: '1.25rem' },
  '.cm-panels-top, .cm-panels-bottom': { borderColor: 'var(--line)' },
  '.cm-textfield': {
    padding: '0.25rem 0.5rem',
    borderRadius: '0.375rem',
    backgroundColor: 'var(--sheet)',
    borderColor: 'var(--line-strong)',
  },
  '.cm-button': {
    padding: '0.25rem 0.625rem',
    borderRadius: '0.375rem',
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
  '@media print': {
    '.cm-scroller': { overflow: 'visible', fontSize: '9pt' },
    '.cm-content': { padding: '0' },
    '.caret': { display: 'none' },
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
