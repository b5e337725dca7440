/** A history as people read it: one line an event, time first, then who, then what. */
import type { HistoryEvent } from '../../chaos/history/events.ts';

/** Null: not worth a line. */
export function traceLine(event: HistoryEvent): string | null {
  const what = describe(event);
  return what === null ? null : line(event.mono, event.proc, what);
}

export function line(ms: number, who: string, what: string): string {
  return `${ms.toFixed(1).padStart(9)}  ${who.padEnd(8)}${what}`;
}

function describe(event: HistoryEvent): string | null {
  switch (event.f) {
    case 'add':
    case 'del':
    case 'set':
    case 'format':
    case 'undo':
      if (event.type === 'invoke') {
        const { op, adds = [], dels = [], set, node, doc } = event;
        const where = node === null ? 'offline' : `on ${node}`;
        const value = set === undefined ? '' : ` ${set.key}=${set.value}`;
        const ids = [...adds.map((id) => ` +${id}`), ...dels.map((id) => ` -${id}`)].join('');
        return `${event.f} (${op}) in ${doc} ${where}:${ids}${value}`;
      }
      return event.type === 'ok'
        ? `  ${event.op} is acked by ${event.node}, ${event.level}`
        : `  ${event.op} ${event.type}`;
    case 'connect':
      return `${event.type === 'ok' ? 'synced with' : 'connects to'} ${event.node}`;
    case 'close':
      return `disconnected from ${event.node}: ${event.reason ?? ''}`;
    case 'read': {
      const { source, phase, doc, node, content, layers } = event;
      const { set = [], text = [] } = content ?? {};
      const shown = [...set, ...text].join(' ');
      return `read ${doc} ${source} of ${node} (${phase}) ${layers?.canon ?? ''}: ${shown}`;
    }
    case 'fault':
      if (event.type === 'proved') return null;
      return `${event.type === 'begin' ? 'FAULT' : 'over:'} ${event.name} [${event.target}]`;
    case 'node':
      return `${event.node} (${event.region}) ${event.type}`;
    case 'mark':
      return `── ${event.name} ──`;
    case 'ack':
    case 'seen':
    case 'open':
    case 'verify':
    case 'resources':
    case 'token':
    case 'presence':
      return null;
  }
}
