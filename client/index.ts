/**
 * The client library: sync a Y.Doc with a Syncline server, and know when its changes are saved.
 *
 *     const provider = new SynclineProvider('wss://example.org', 'notes', doc);
 *     provider.on('status', ({ state, unsavedChanges }) => …);
 *     await provider.whenSaved();
 */
export type { CloseReason } from './close-reason.ts';
export { NotSavedError, SynclineProvider } from './provider.ts';
export type {
  SynclineProviderEvents,
  SynclineProviderOptions,
  WebSocketClass,
} from './provider.ts';
export type { SaveStatus } from './status.ts';
