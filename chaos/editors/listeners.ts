/** Connections that hold no document: a herd of them costs little here, and the server as much as real ones. */
import { WebSocket } from 'ws';

/** y-protocols: sync step 1 with an empty state vector. */
const STEP1 = Uint8Array.of(0, 0, 1, 0);
const OPEN_TIMEOUT_MS = 30_000;

export interface Joined {
  /** From connecting to the final SyncStep2; null: it never came. */
  readonly syncedMs: number | null;
  readonly bytes: number;
}

/** Joins, and leaves when the whole document has come. */
export async function join(url: string, timeoutMs: number): Promise<Joined> {
  const startedMs = performance.now();
  const socket = new WebSocket(url, {
    handshakeTimeout: OPEN_TIMEOUT_MS,
    skipUTF8Validation: true,
  });
  let bytes = 0;
  return await new Promise((resolve) => {
    const done = (syncedMs: number | null): void => {
      clearTimeout(timer);
      socket.terminate();
      resolve({ syncedMs, bytes });
    };
    const timer = setTimeout(() => {
      done(null);
    }, timeoutMs);
    socket.on('open', () => {
      socket.send(STEP1);
    });
    socket.on('message', (data: Buffer) => {
      bytes += data.length;
      if (data[0] === 0 && data[1] === 1) done(performance.now() - startedMs);
    });
    socket.on('error', () => {
      done(null);
    });
    socket.on('close', () => {
      done(null);
    });
  });
}

export type Listener = Pick<WebSocket, 'readyState' | 'terminate'>;

/** Joins, and stops reading: the server's buffers fill up. */
export async function joinAndStall(url: string): Promise<Listener> {
  const socket = new WebSocket(url, { handshakeTimeout: OPEN_TIMEOUT_MS });
  return await new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => {
      socket.send(STEP1);
      socket.pause();
      resolve(socket);
    });
  });
}

/** Sends one message after another on a fresh connection each; tells how many were closed for it. */
export async function sendHostile(url: string, message: Uint8Array): Promise<number | null> {
  const socket = new WebSocket(url, { handshakeTimeout: OPEN_TIMEOUT_MS });
  return await new Promise((resolve) => {
    const timer = setTimeout(() => {
      socket.terminate();
      resolve(null);
    }, 500);
    socket.on('error', () => undefined);
    socket.on('open', () => {
      socket.send(STEP1);
      socket.send(message);
    });
    socket.on('close', (code) => {
      clearTimeout(timer);
      resolve(code);
    });
  });
}
