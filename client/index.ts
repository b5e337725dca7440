/**
 * The client library: sync a Y.Doc with a Syncline server, and know when its changes are saved.
 *
 *     const provider = new SynclineProvider('wss://example.org', 'notes', doc);
 *     provider.on('status', ({ state, unsavedChanges }) => …);
 *     await provider.whenSaved();
 */
export type { CloseReason } from './close-reason.ts';
export type { Transport } from './link.ts';
export { OfflineCopy } from './offline-copy.ts';
export type { OfflineCopyEvents } from './offline-copy.ts';
export { SynclineProvider } from './provider.ts';
export type {
  SynclineProviderEvents,
  SynclineProviderOptions,
  WebSocketClass,
} from './provider-options.ts';
export { NotSavedError } from './save-waiters.ts';
export type { SaveStatus } from './status.ts';
export { syncOnce, SyncError } from './sync-once.ts';
export type { SyncOptions, SyncResult } from './sync-once.ts';
export type { Token } from './token-source.ts';
export type { TransportOption, TransportTiming } from './transport-choice.ts';
