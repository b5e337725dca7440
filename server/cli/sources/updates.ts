/** Whether bytes from elsewhere are a Yjs V1 update: Yjs itself takes V2 for "nothing", and does not say so. */
import { scan } from '../../rooms/updates/scan.ts';

/** Null: they are. */
export function updateProblem(bytes: Uint8Array): string | null {
  if (bytes.byteLength === 0) return 'it is empty';
  return scan(bytes, 'stored').isValid
    ? null
    : 'not a Yjs update in the V1 format (an update in V2 has to be converted first)';
}
