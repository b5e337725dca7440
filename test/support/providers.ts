/** The client library in tests: providers that end with the test, and timing that does not make tests wait. */
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import { SynclineProvider } from '../../client/index.ts';
import type { SynclineProviderOptions } from '../../client/index.ts';

export function openProvider(
  url: string,
  name: string,
  options: SynclineProviderOptions = {},
  doc: Y.Doc = new Y.Doc(),
): SynclineProvider {
  const provider = new SynclineProvider(url, name, doc, {
    WebSocketPolyfill: WebSocket,
    disableBc: true,
    reconnectDelayMaxMs: 50,
    ...options,
    transportTiming: {
      hedgeMs: 300,
      youngMs: 1_000,
      probeDelayMs: 200,
      probeDelayMsMax: 400,
      proofMs: 100,
      proofMsMax: 400,
      ...options.transportTiming,
    },
  });
  onTestFinished(() => {
    provider.destroy();
  });
  return provider;
}

export function textOf(provider: { readonly doc: Y.Doc }): string {
  return provider.doc.getText('text').toJSON();
}
