/**
 * A document's roots, rendered for readers without Yjs: text, XML or JSON. Rendering loads the document, so it runs
 * in a worker with a deadline; what is rendered follows from version, root and form alone, byte for byte, and
 * `tagOf` names it without rendering.
 */
import { createHash } from 'node:crypto';
import type { DocumentName } from '../protocol/document-name.ts';
import type { Documents } from './documents.ts';
import type { ViewLimits } from './views.ts';
import { Views } from './views.ts';
import { concatenated } from './workers/whole-document.ts';
import type { WorkerPool } from './workers/worker-pool.ts';

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

export interface ContentContext {
  readonly documents: Pick<Documents, 'version' | 'state'>;
  readonly workers: WorkerPool;
  readonly limits: ViewLimits;
}

/** Changes when the same version is rendered to other bytes than before, so that no cache keeps the old ones. */
const RENDERING = 1;

const MEDIA_TYPES = {
  text: 'text/plain',
  delta: 'application/json',
  xml: 'application/xml',
  map: 'application/json',
  array: 'application/json',
} as const;

export class Content {
  readonly #context: ContentContext;
  readonly #views: Views;

  constructor(context: ContentContext) {
    this.#context = context;
    this.#views = new Views(context.workers, context.limits);
  }

  /** The tag that `render` would answer with now. @throws ProtocolError as `Documents.version` */
  async tagOf(name: DocumentName, request: ContentRequest): Promise<string> {
    const { digest } = await this.#context.documents.version(name);
    return tagOfVersion(digest, request);
  }

  /**
   * A root that does not exist is empty.
   * @throws ProtocolError `wrong-type`, `content-too-large`, `too-expensive`, `overloaded`; as `Documents.state`
   */
  async render(name: DocumentName, request: ContentRequest): Promise<RenderedContent> {
    const { digest, parts } = await this.#context.documents.state(name, null);
    const form = formOf(request);
    const state = { bytes: concatenated(parts), isGzipped: false };
    const { body } = await this.#views.render(state, { type: form, rootName: request.rootName });
    return { tag: tagOfVersion(digest, request), mediaType: MEDIA_TYPES[form], body };
  }
}

function formOf({ type, form }: ContentRequest): keyof typeof MEDIA_TYPES {
  return type === 'text' && form === 'delta' ? 'delta' : type;
}

function tagOfVersion(digest: string, request: ContentRequest): string {
  const identity = JSON.stringify([RENDERING, digest, formOf(request), request.rootName]);
  return createHash('sha256').update(identity).digest('base64url');
}
