/** The document over HTTP, while the connection is still being made. Whatever goes wrong is the connection's to tell. */
import type { Rest } from './rest.ts';

/** Calls `apply` with the state, unless it was aborted, which it is when the connection was faster. */
export async function firstLoad(
  rest: Rest,
  signal: AbortSignal,
  apply: (update: Uint8Array) => void,
): Promise<void> {
  try {
    const response = await rest.request('/state', { signal });
    if (!response.ok) {
      await response.body?.cancel();
      return;
    }
    const update = new Uint8Array(await response.arrayBuffer());
    if (!signal.aborted && update.byteLength > 0) apply(update);
  } catch {
    // No answer, no token, no update: the connection will say so if it meets the same.
  }
}
