/**
 * A root of a document for readers without Yjs. Updates do not record what a root is used as, so it is read by
 * what lies in it, and refused only where that would show something else than its authors see: numbers as text,
 * a text as an array. A pure function of version, root and form: the same bytes on every node.
 */
import * as Y from 'yjs';
import { Output, OutputTooLarge } from './output.ts';
import { isXml, writeArray, writeMap } from './render-json.ts';
import { plainText, writeDelta } from './render-text.ts';
import { writeElement } from './render-xml.ts';
import {
  listItems,
  loadDocument,
  mapItems,
  rootOf,
  type PackedState,
  type SharedType,
} from './whole-document.ts';

/** What a root is read as. */
export type ContentType = 'text' | 'delta' | 'xml' | 'map' | 'array';

export type Rendering =
  | { readonly kind: 'rendered'; readonly body: Uint8Array<ArrayBuffer> }
  /** `too-deep`: types are nested so deeply that reading them overflows the stack. */
  | { readonly kind: 'wrong-type' | 'too-large' | 'too-deep' };

export interface RenderRequest {
  readonly type: ContentType;
  readonly rootName: string;
  readonly bytesMax: number;
}

export function render(state: PackedState, request: RenderRequest): Rendering {
  try {
    const root = rootOf(loadDocument(state), request.rootName);
    if (!isReadableAs(root, request.type)) return { kind: 'wrong-type' };
    const out = new Output(request.bytesMax);
    WRITERS[request.type](out, root);
    return { kind: 'rendered', body: out.finish() };
  } catch (error) {
    if (error instanceof OutputTooLarge) return { kind: 'too-large' };
    if (error instanceof RangeError) return { kind: 'too-deep' };
    throw error;
  }
}

const WRITERS: Readonly<Record<ContentType, (out: Output, root: SharedType) => void>> = {
  text: (out, root) => {
    out.write(plainText(root));
  },
  delta: writeDelta,
  // One element around everything: a document of XML has one.
  xml: (out, root) => {
    writeElement(
      (text) => {
        out.write(text);
      },
      'fragment',
      root,
    );
  },
  map: writeMap,
  array: writeArray,
};

/** Nothing at all is an empty root of any type. */
export function isReadableAs(root: SharedType, type: ContentType): boolean {
  const has = kindsOf(root);
  const hasMap = mapItems(root).length > 0;
  const hasList = has.text || has.values || has.xml || has.types;
  switch (type) {
    case 'map':
      return hasMap || !hasList;
    case 'array':
      return !has.text && (hasList || !hasMap);
    case 'xml':
      return !has.values && !has.types && (hasList || !hasMap);
    case 'text':
    case 'delta':
      // Types alone are no text, but may be embedded in one.
      return !has.values && (has.text || !(has.xml || has.types)) && (hasList || !hasMap);
  }
}

/** What the list of a root consists of. */
function kindsOf(root: SharedType): {
  readonly text: boolean;
  readonly values: boolean;
  readonly xml: boolean;
  readonly types: boolean;
} {
  const has = { text: false, values: false, xml: false, types: false };
  for (const { content } of listItems(root)) {
    if (content instanceof Y.ContentType) has[isXml(content.type) ? 'xml' : 'types'] = true;
    else if (
      content instanceof Y.ContentString ||
      content instanceof Y.ContentFormat ||
      content instanceof Y.ContentEmbed
    )
      has.text = true;
    else has.values = true;
  }
  return has;
}
