/** The run as the live view shows it, and the links that people cut and heal there. */
import type { CutDirection, LiveFeed, LiveLink, LiveState } from '../live/live-feed.ts';
import type { LinkProxy } from '../proxies/link-proxy.ts';
import type { Topology } from '../report/run-record.ts';
import { divergenceOf } from './divergence.ts';
import { topologyOf } from './topology.ts';
import type { Run } from './run.ts';

/** Acks of the last reports are enough for what people watch. */
const ACKS_KEPT = 500;

export class RunFeed implements LiveFeed {
  readonly topology: Topology;
  readonly #run: Run;
  readonly #bytes = new Map<string, { atMs: number; bytes: number; perSecond: number }>();
  #ackMs: number[] = [];

  constructor(run: Run) {
    this.#run = run;
    this.topology = topologyOf(run.stage);
    run.onChange(() => {
      this.#ackMs = [...this.#ackMs, ...run.latest.ackMs].slice(-ACKS_KEPT);
    });
  }

  subscribe(listener: () => void): () => void {
    return this.#run.onChange(listener);
  }

  state(): LiveState {
    const { name, elapsedMs, phase, stage, latest, faults } = this.#run;
    const divergence = divergenceOf(latest.looks);
    const sorted = this.#ackMs.toSorted((a, b) => a - b);
    return {
      scenario: name,
      elapsedMs,
      phase,
      links: this.#links.map((link) => this.#link(link)),
      nodes: stage.seats.map(({ id, isRunning }) => ({
        id,
        state: isRunning ? ('up' as const) : ('down' as const),
        editors: latest.looks.filter(({ node, isReader }) => node === id && !isReader).length,
        divergentDocs: divergence.get(id)?.docs ?? null,
        divergentElements: divergence.get(id)?.elements ?? null,
      })),
      faults: faults.underWay.map((fault) => ({
        id: fault.id,
        name: fault.name,
        target: fault.targets.join(', '),
      })),
      ops: latest.ops,
      acked: latest.acked,
      unacked: latest.ops - latest.acked,
      ackP50Ms: sorted[Math.floor(sorted.length * 0.5)] ?? null,
      ackP99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? null,
    };
  }

  async cut(id: string, direction: CutDirection): Promise<void> {
    const link = this.#find(id);
    if (direction !== 'b-to-a') link.set('up', 'drop');
    if (direction !== 'a-to-b') link.set('down', 'drop');
    this.#run.say(`cut by hand: ${id} (${direction})`);
    await Promise.resolve();
  }

  async heal(id: string): Promise<void> {
    this.#find(id).heal();
    this.#run.say(`healed by hand: ${id}`);
    await Promise.resolve();
  }

  get #links(): readonly LinkProxy[] {
    return this.#run.stage.seats.flatMap(({ clientLink, busLinks }) => [
      clientLink,
      ...busLinks.map(({ link }) => link),
    ]);
  }

  #find(id: string): LinkProxy {
    const link = this.#links.find(({ name }) => name === id);
    if (link === undefined) throw new RangeError(`no link ${id}`);
    return link;
  }

  #link(link: LinkProxy): LiveLink {
    const { name: id } = link;
    const [up, down] = [link.lane('up'), link.lane('down')];
    const cut: CutDirection | null =
      up.flow !== 'flow' && down.flow !== 'flow'
        ? 'both'
        : up.flow !== 'flow'
          ? 'a-to-b'
          : down.flow !== 'flow'
            ? 'b-to-a'
            : null;
    const details = [
      up.delayMs > 0 ? `${up.delayMs} ms late` : null,
      down.bytesPerSecond === null ? null : `${down.bytesPerSecond} B/s`,
    ].filter((detail) => detail !== null);
    return {
      id,
      cut,
      state: cut !== null ? 'cut' : link.isWhole ? 'up' : 'degraded',
      detail: details.length === 0 ? null : details.join(', '),
      bytesPerSecond: this.#rate(id, up.counts.bytes + down.counts.bytes),
    };
  }

  #rate(id: string, bytes: number): number {
    const atMs = performance.now();
    const last = this.#bytes.get(id) ?? { atMs, bytes, perSecond: 0 };
    if (atMs - last.atMs < 500) {
      this.#bytes.set(id, last);
      return last.perSecond;
    }
    const perSecond = Math.round(((bytes - last.bytes) / (atMs - last.atMs)) * 1_000);
    this.#bytes.set(id, { atMs, bytes, perSecond });
    return perSecond;
  }
}
