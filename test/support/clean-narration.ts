/** Says what happens in a cluster without a mistake as lines of a history; clean-history.ts decides what does. */
import type { Fact, HistoryEvent, ReadPhase, ReadSource } from '../../chaos/history/events.ts';
import { contentOf, layersOf, versionOf, type NodeName, type Write } from './clean-cluster.ts';

export class Narration {
  readonly events: HistoryEvent[] = [];
  readonly writes: Write[] = [];
  readonly users: Map<string, { doc: string; node: NodeName; toMono: number }> = new Map();
  now = 1_000;

  say(proc: string, fact: Fact, mono: number = this.now): void {
    this.events.push({ t: 1_700_000_000_000 + mono, mono, proc, ...fact });
  }

  arrive(session: string, node: NodeName, doc: string): void {
    const connection = `${session}/${this.now}`;
    const common = { f: 'connect', session, connection, node, doc } as const;
    const token = { f: 'token', type: 'granted', session, docs: [doc] } as const;
    this.say(session, { ...token, access: 'write', expMono: this.now + 3_600_000 });
    this.say(session, { ...common, type: 'invoke' });
    this.say(session, { ...common, type: 'ok', user: session }, this.now + 1);
    this.users.set(session, { doc, node, toMono: Infinity });
  }

  leave(session: string): void {
    const user = this.users.get(session);
    const connect = this.events.findLast(
      (each) => each.f === 'connect' && each.session === session,
    );
    if (user === undefined || connect?.f !== 'connect') return;
    user.toMono = this.now;
    const { connection } = connect;
    this.say(session, { f: 'close', session, connection, node: user.node, code: 1001 });
  }

  lookAround(): void {
    for (const [session, { doc, node, toMono }] of this.users) {
      if (toMono <= this.now || !session.startsWith('watch')) continue;
      const users = [...this.users].flatMap(([name, user]) =>
        user.doc === doc && user.toMono > this.now ? [name] : [],
      );
      this.say(session, { f: 'presence', session, node, doc, users });
    }
  }

  gauges(node: string, phase: 'baseline' | 'running' | 'after', rounds: number): void {
    const gauges = { rssBytes: 90_000_000, handles: 12, redisQueueBytes: 0 };
    this.say('driver', {
      f: 'resources',
      node,
      phase,
      gauges,
      counters: { antientropyRounds: rounds },
    });
  }

  read(
    node: NodeName,
    doc: string,
    source: ReadSource,
    phase: ReadPhase,
    invokedMono: number,
    session: string | undefined,
    hasMinVersion: boolean,
  ): void {
    this.say(
      session ?? 'prober',
      {
        f: 'read',
        type: 'ok',
        doc,
        node,
        source,
        phase,
        invokedMono,
        ...(session === undefined ? {} : { session }),
        ...(hasMinVersion ? { hasMinVersion } : {}),
        hasPending: false,
        layers: layersOf(this.writes, doc, node, invokedMono),
        version: versionOf(this.writes, doc, node, invokedMono),
        content: contentOf(this.writes, doc, node, invokedMono),
      },
      invokedMono + 1,
    );
  }
}
