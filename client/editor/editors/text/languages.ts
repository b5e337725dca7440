/** Syntaxes, each loaded when a document needs it. */
import type { Extension } from '@codemirror/state';
import type { Language } from '../../document/kind.ts';

const LOADERS: Readonly<Record<Language, () => Promise<Extension>>> = {
  text: () => Promise.resolve([]),
  markdown: async () => (await import('@codemirror/lang-markdown')).markdown(),
  javascript: async () =>
    (await import('@codemirror/lang-javascript')).javascript({ jsx: true, typescript: true }),
  json: async () => (await import('@codemirror/lang-json')).json(),
  python: async () => (await import('@codemirror/lang-python')).python(),
  html: async () => (await import('@codemirror/lang-html')).html(),
  css: async () => (await import('@codemirror/lang-css')).css(),
  yaml: async () => (await import('@codemirror/lang-yaml')).yaml(),
};

export async function loadLanguage(language: Language): Promise<Extension> {
  return await LOADERS[language]();
}
