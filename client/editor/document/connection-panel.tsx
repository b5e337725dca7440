/** The connection, for the curious: over what, to where, how fast, and what is not saved. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Panel } from '../app/side-panel.tsx';
import type { PaneProps } from './document-page.tsx';
import { LATENCIES_MAX } from './connection-log.ts';

const ASK_EVERY_MS = 3_000;
const TRANSPORT_WORDS = {
  websocket: 'WebSocket',
  events: 'Events and requests: WebSockets do not get through here',
} as const;
const STORE_WORDS = {
  open: 'Takes writes',
  'disk-full': 'Full: nothing is saved until it has space',
  failing: 'Failing: nothing is saved until it works',
} as const;

export function ConnectionPanel({ session }: PaneProps): JSX.Element {
  const [roundTripMs, setRoundTripMs] = useState<number | null>(null);
  const { log } = session;
  useEffect(() => {
    let isOpen = true;
    const ask = async (): Promise<void> => {
      const answered = await session.refreshNode();
      if (isOpen) setRoundTripMs(answered);
    };
    void ask();
    const timer = setInterval(() => void ask(), ASK_EVERY_MS);
    return () => {
      isOpen = false;
      clearInterval(timer);
    };
  }, [session]);
  const transport = log.transport.value;
  const node = session.node.value;
  const latencies = log.ackLatenciesMs.value;
  const { unsavedChanges } = session.status.value;
  return (
    <Panel title="Connection">
      <div class="panel-body">
        <p class="panel-lead" data-tone={session.label.value.tone}>
          <b>{session.label.value.text}</b>
          {session.label.value.detail}
        </p>
        <dl class="facts">
          <Fact name="Transport" value={transport === null ? 'None' : TRANSPORT_WORDS[transport]} />
          <Fact name="Region" value={regionWords(node)} />
          <Fact name="Saved means" value={ackWords(node)} />
          <Fact name="Server’s disk" value={node === null ? '–' : STORE_WORDS[node.store]} />
          <Fact name="Round trip" value={roundTripMs === null ? '–' : ms(roundTripMs)} />
          <Fact name="Not yet saved" value={String(unsavedChanges)} />
          <Fact name="Reconnects" value={String(log.reconnects.value)} />
        </dl>
        <h3>Time to save</h3>
        {latencies.length === 0 ? (
          <p class="hint">Type something: how long each save took appears here.</p>
        ) : (
          <Sparkline values={latencies} />
        )}
      </div>
    </Panel>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

const WIDTH = 260;
const HEIGHT = 56;

function Sparkline({ values }: { readonly values: readonly number[] }): JSX.Element {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
  const top = Math.max(10, at(1));
  const step = WIDTH / (LATENCIES_MAX - 1);
  const points = values.map(
    (value, index) =>
      `${((LATENCIES_MAX - values.length + index) * step).toFixed(1)},${(HEIGHT - 3 - (value / top) * (HEIGHT - 8)).toFixed(1)}`,
  );
  const words = `median ${ms(at(0.5))}, 95% within ${ms(at(0.95))}, longest ${ms(at(1))}`;
  return (
    <figure class="sparkline">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`Time to save: ${words}`}>
        <line x1="0" x2={WIDTH} y1={HEIGHT - 3} y2={HEIGHT - 3} />
        <polyline points={points.join(' ')} />
        <circle
          cx={points.at(-1)?.split(',')[0] ?? 0}
          cy={points.at(-1)?.split(',')[1] ?? 0}
          r="3"
        />
      </svg>
      <figcaption>{words}</figcaption>
    </figure>
  );
}

function ms(value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

type Node = PaneProps['session']['node']['value'];

function regionWords(node: Node): string {
  if (node === null) return '–';
  const others = node.otherRegions.length === 0 ? '' : `, with ${node.otherRegions.join(', ')}`;
  return `${node.region}${others}`;
}

function ackWords(node: Node): string {
  if (node === null) return '–';
  return node.ack === 'replicated'
    ? 'On disk here and in another region'
    : 'On disk in this region';
}
