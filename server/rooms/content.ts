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
import type { RenderRequest } from './workers/render.ts';
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
  /** Digest of the version that it shows. */
  readonly digest: string;
  /** False when the disk may not have all of it yet. */
  readonly isDurable: boolean;
  readonly body: Uint8Array;
}

export interface ContentContext {
  readonly documents: Pick<Documents, 'version' | 'state'>;
  readonly workers: WorkerPool;
  readonly limits: ViewLimits;
}

/** Changes when the same version is rendered to other bytes than before, so that no cache keeps the old ones. */
const RENDERING = 1;

export class Content {
  readonly #context: ContentContext;
  readonly #views: Views;
  /** Many ask for the same at the same time: it is rendered once. */
  readonly #running = new Map<string, Promise<RenderedContent>>();

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
    const key = `${await this.tagOf(name, request)} ${name}`;
    const shared = this.#running.get(key);
    if (shared !== undefined) return await shared;
    const running = this.#views
      .holding(() => this.#render(name, request))
      .finally(() => {
        this.#running.delete(key);
      });
    this.#running.set(key, running);
    return await running;
  }

  async #render(name: DocumentName, request: ContentRequest): Promise<RenderedContent> {
    const { digest, parts, isDurable } = await this.#context.documents.state(name, null);
    const state = { bytes: concatenated(parts), isGzipped: false };
    const { body } = await this.#views.render(state, {
      type: formOf(request),
      rootName: request.rootName,
    });
    return { tag: tagOfVersion(digest, request), digest, isDurable, body };
  }
}

function formOf({ type, form }: ContentRequest): RenderRequest['type'] {
  return type === 'text' && form === 'delta' ? 'delta' : type;
}

function tagOfVersion(digest: string, request: ContentRequest): string {
  const identity = JSON.stringify([RENDERING, digest, formOf(request), request.rootName]);
  return createHash('sha256').update(identity).digest('hex').slice(0, 32);
}
