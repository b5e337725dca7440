/**
 * A document's roots, rendered for readers without Yjs: text, XML or JSON. Rendering loads the document, so it runs
 * in a worker with a deadline; what is rendered follows from version, root and form alone, byte for byte, and
 * `tagOf` names it without rendering.
 */
import { ProtocolError } from '../protocol/errors.ts';
import type { DocumentName } from '../protocol/document-name.ts';

/** What a root is read as. Updates do not record what its authors used it as; see `wrong-type`. */
export type ContentType = 'text' | 'xml' | 'map' | 'array';

export interface ContentRequest {
  readonly type: ContentType;
  readonly rootName: string;
  /** Only of a text: its characters, or a Quill delta with formatting and embeds. */
  readonly form?: 'plain' | 'delta';
}

export interface RenderedContent {
  /** Entity tag, without quotes. */
  readonly tag: string;
  /** `text/plain`, `application/xml` or `application/json`; the body is UTF-8. */
  readonly mediaType: string;
  readonly body: Uint8Array;
}

export class Content {
  /** The tag that `render` would answer with now. @throws ProtocolError as `Documents.metadata` */
  async tagOf(name: DocumentName, request: ContentRequest): Promise<string> {
    throw await Promise.resolve(new ProtocolError('internal', `${name} ${request.type}`));
  }

  /**
   * A root that does not exist is empty.
   * @throws ProtocolError `wrong-type`, `content-too-large`, `too-expensive`, `overloaded`; as `Documents.state`
   */
  async render(name: DocumentName, request: ContentRequest): Promise<RenderedContent> {
    throw await Promise.resolve(new ProtocolError('internal', `${name} ${request.type}`));
  }
}
