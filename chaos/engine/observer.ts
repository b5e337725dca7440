/** Looks at nodes from outside: metrics, and states by REST and by a fresh client. It never writes. */
import * as Y from 'yjs';
import { canonicalState } from '../history/canonical.ts';
import type { ReadEvent, ReadPhase } from '../history/events.ts';
import { Wire } from '../editors/wire.ts';
import { mono } from './clock.ts';

const READ_TIMEOUT_MS = 15_000;
const METRICS_TIMEOUT_MS = 2_000;
/** A connection that is kept (75 s) would count among what a node still holds a minute after the run. */
const NOT_KEPT = { Connection: 'close' } as const;

export interface NodeAddress {
  readonly node: string;
  readonly url: string;
  readonly token?: string | null;
}

/** Sums over labels; `name{label="x"}` is kept besides. Null: unreachable. Empty: it answers, and has its metrics elsewhere. */
export async function readMetrics({
  url,
  token = null,
}: NodeAddress): Promise<ReadonlyMap<string, number> | null> {
  try {
    const response = await fetch(`${url}/metrics`, {
      // A node asks nobody for a token here; what stands before it may.
      headers: { ...(token === null ? {} : { Authorization: `Bearer ${token}` }), ...NOT_KEPT },
      signal: AbortSignal.timeout(METRICS_TIMEOUT_MS),
    });
    const text = await response.text();
    return response.ok ? parseMetrics(text) : new Map();
  } catch {
    return null;
  }
}

export function parseMetrics(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([a-z_:][a-z\d_:]*)(\{[^}]*\})? ([\d.e+-]+)$/i.exec(line);
    if (match === null) continue;
    const [, name = '', labels = '', value] = match;
    values.set(name, (values.get(name) ?? 0) + Number(value));
    if (labels !== '') values.set(`${name}${labels}`, Number(value));
  }
  return values;
}

type ReadFact = ReadEvent;
interface ReadOptions {
  readonly at: NodeAddress;
  readonly doc: string;
  readonly phase: ReadPhase;
  readonly isolated: boolean;
  /** For a session that names what it must see; by REST only. */
  readonly behalf?: {
    readonly session: string;
    /** X-Min-State-Vector and its like. */
    readonly headers: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  };
}

export async function readByRest(options: ReadOptions): Promise<ReadFact> {
  return (await timedRead(options)).fact;
}

export interface TimedRead {
  readonly fact: ReadFact;
  /** Until the last byte had come, without what was made of it here. */
  readonly answeredMs: number;
}

export async function timedRead(options: ReadOptions): Promise<TimedRead> {
  const { at, doc, phase, isolated, behalf = null } = options;
  const fact = {
    f: 'read',
    doc,
    node: at.node,
    source: 'rest',
    phase,
    invokedMono: mono(),
    ...(behalf === null ? {} : { session: behalf.session, hasMinVersion: true }),
  } as const;
  const startedMono = mono();
  const tookMs = (): number => mono() - startedMono;
  try {
    const response = await fetch(`${at.url}/v1/documents/${encodeURIComponent(doc)}/state`, {
      headers: {
        ...(typeof at.token === 'string' ? { Authorization: `Bearer ${at.token}` } : {}),
        ...behalf?.headers,
        ...NOT_KEPT,
      },
      signal: AbortSignal.any([
        AbortSignal.timeout(READ_TIMEOUT_MS),
        ...(behalf === null ? [] : [behalf.signal]),
      ]),
    });
    if (response.status !== 200) {
      const problem = (await response.json()) as { readonly type?: string };
      const code = problem.type?.split('/').at(-1) ?? '';
      return {
        fact: { ...fact, type: 'fail', status: response.status, code },
        answeredMs: tookMs(),
      };
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    const answeredMs = tookMs();
    const state = canonicalState(bytes);
    // What was named is what was acked, not all that the session has seen: reads upon one another need not grow (K10).
    const shown = behalf === null ? state : { content: state.content };
    return {
      fact: { ...fact, type: 'ok', ...(isolated ? { isolated } : {}), ...shown },
      answeredMs,
    };
  } catch (error) {
    return { fact: { ...fact, type: 'fail', code: String(error) }, answeredMs: tookMs() };
  }
}

export async function readFresh({ at, doc, phase, isolated }: ReadOptions): Promise<ReadFact> {
  const fact = {
    f: 'read',
    doc,
    node: at.node,
    source: 'fresh',
    phase,
    invokedMono: mono(),
  } as const;
  const copy = new Y.Doc();
  try {
    const access = typeof at.token === 'string' ? `?token=${encodeURIComponent(at.token)}` : '';
    const address = `${at.url.replace(/^http/, 'ws')}/${encodeURIComponent(doc)}${access}`;
    const failure = await synced(address, copy);
    if (failure !== null) return { ...fact, type: 'fail', code: failure };
    const state = canonicalState(Y.encodeStateAsUpdate(copy));
    return { ...fact, type: 'ok', ...(isolated ? { isolated } : {}), ...state };
  } finally {
    copy.destroy();
  }
}

async function synced(url: string, doc: Y.Doc): Promise<string | null> {
  return await new Promise((resolve) => {
    const done = (failure: string | null): void => {
      clearTimeout(timer);
      resolve(failure);
      wire.cut();
    };
    const timer = setTimeout(() => {
      done(`not synced in ${READ_TIMEOUT_MS} ms`);
    }, READ_TIMEOUT_MS);
    const wire = new Wire(url, doc, {
      onSynced: () => {
        done(null);
      },
      onAck: () => undefined,
      onClosed: (code, reason) => {
        clearTimeout(timer);
        resolve(`closed ${code} ${reason}`);
      },
    });
  });
}
