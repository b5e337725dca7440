/**
 * The embedder's say in who may do what: a hook that sees the verified identity and the document, and answers
 * with the access level. Its answer replaces what the token says (so it can narrow, or grant what no token
 * does). It is awaited with a deadline; throwing, being late or answering nonsense refuses, retryably.
 * Answers are not cached: whoever wrote the hook knows how long they hold, a cache here would delay changes.
 */
import type { AccessLevel } from './access.ts';

export interface AuthorizeRequest {
  /** `sub` of the token; `anonymous` on a node without keys. */
  readonly subject: string;
  /** `jti` of the token. */
  readonly tokenId: string | null;
  /** All claims of the verified token; empty without one. */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly document: string;
  /** What the token's grants say. */
  readonly access: AccessLevel;
  readonly address: string;
  readonly origin: string | null;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

export type Authorize = (request: AuthorizeRequest) => AccessLevel | Promise<AccessLevel>;

const LEVELS: ReadonlySet<unknown> = new Set<AccessLevel>(['none', 'read', 'write', 'admin']);

/** Asks the hook. @throws Error when it throws, answers something else than a level, or takes too long */
export async function askHook(
  authorize: Authorize,
  request: Omit<AuthorizeRequest, 'signal'>,
  timeoutMs: number,
): Promise<AccessLevel> {
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`the authorize hook did not answer within ${timeoutMs} ms`);
      abort.abort(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    // An async function, so that a hook that throws at once rejects like one that throws later.
    const answer = (async () => await authorize({ ...request, signal: abort.signal }))();
    const level: unknown = await Promise.race([answer, late]);
    if (!LEVELS.has(level)) throw new Error('the authorize hook answered no access level');
    return level as AccessLevel;
  } finally {
    clearTimeout(timer);
  }
}
