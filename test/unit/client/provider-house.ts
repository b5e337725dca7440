/** What tests of the provider stand on: a server of their own for each, and providers that end with it. */
import { afterEach, beforeEach, vi } from 'vitest';
import { WebSocket } from 'ws';
import type * as Y from 'yjs';
import { SynclineProvider } from '../../../client/index.ts';
import type { SaveStatus, SynclineProviderOptions } from '../../../client/index.ts';
import { StandInServer } from './stand-in-server.ts';

export interface ProviderHouse {
  /** Of the test that runs. */
  readonly server: StandInServer;
  readonly open: (doc: Y.Doc, options?: SynclineProviderOptions) => SynclineProvider;
  /** With the test. */
  readonly end: (provider: SynclineProvider) => void;
  /** Another server at the same address, with nothing in it. */
  readonly restart: () => Promise<void>;
  /** A report has come to the server: its bytes. */
  readonly statusFrame: (hex: string) => Promise<void>;
  readonly statusFrames: () => string[];
}

/** Once a file. */
export function providerHouse(): ProviderHouse {
  let server: StandInServer | null = null;
  const providers: SynclineProvider[] = [];
  beforeEach(async () => {
    server = await StandInServer.start();
  });
  afterEach(async () => {
    for (const provider of providers.splice(0)) provider.destroy();
    await server?.stop();
  });
  const running = (): StandInServer => {
    if (server === null) throw new Error('no test runs');
    return server;
  };
  const statusFrames = (): string[] =>
    running()
      .connection.frames.filter((frame) => frame.kind === 'status')
      .map((frame) => Buffer.from(frame.bytes).toString('hex'));
  return {
    get server() {
      return running();
    },
    open: (doc, options = {}) => {
      const provider = new SynclineProvider(running().url, 'notes', doc, {
        WebSocketPolyfill: WebSocket,
        disableBc: true,
        reconnectDelayMaxMs: 20,
        ...options,
      });
      providers.push(provider);
      return provider;
    },
    end: (provider) => {
      providers.push(provider);
    },
    restart: async () => {
      const { port } = running();
      await running().stop();
      server = await StandInServer.start(port);
    },
    statusFrames,
    statusFrame: async (hex) => {
      await vi.waitUntil(() => running().connections.length > 0 && statusFrames().includes(hex));
    },
  };
}

export function type(doc: Y.Doc, text: string): void {
  doc.getText('text').insert(0, text);
}

/** By event, not by polling: a state may last less than a millisecond. */
export async function reaches(
  provider: SynclineProvider,
  state: SaveStatus['state'],
): Promise<void> {
  if (provider.status.state === state) return;
  await new Promise<void>((resolve) => {
    provider.on('status', (status) => {
      if (status.state === state) resolve();
    });
  });
}
