/** What a permanent close means, from the table that the server closes with. */
import { ERRORS } from '../server/protocol/errors.ts';
import type { ErrorCode, Retry } from '../server/protocol/errors.ts';

export interface CloseReason {
  /** The WebSocket close code, 4400–4499. */
  readonly closeCode: number;
  /** The row of the error table, or null for a code that this version of the client does not know. */
  readonly code: ErrorCode | null;
  /** `reauthenticate`: get a new token, put it into `params`, call `connect()`. `never`: give up. */
  readonly retry: Retry;
  /** One English sentence, fit to be shown. */
  readonly meaning: string;
}

/** `reason` is the text of the close frame: `code` or `code: detail`, since several rows share a number. */
export function closeReason(closeCode: number, reason: string): CloseReason {
  const code = codeOf(closeCode, reason);
  if (code === null) {
    return {
      closeCode,
      code,
      retry: 'never',
      meaning: `The server closed with code ${closeCode}.`,
    };
  }
  return { closeCode, code, retry: ERRORS[code].retry, meaning: ERRORS[code].meaning };
}

function codeOf(closeCode: number, reason: string): ErrorCode | null {
  const named = reason.split(':', 1)[0];
  const candidates = (Object.keys(ERRORS) as ErrorCode[]).filter(
    (code) => ERRORS[code].close === closeCode,
  );
  return candidates.find((code) => code === named) ?? candidates[0] ?? null;
}
