/** A feed whose links can be cut, and whose nodes are wherever a test puts them. */
import type { CutDirection, LiveFeed, LiveState } from '../../chaos/live/live-feed.ts';
import type { Topology } from '../../chaos/report/run-record.ts';

export class StagedFeed implements LiveFeed {
  readonly topology: Topology;
  readonly commands: string[] = [];
  readonly #cuts = new Map<string, CutDirection>();
  readonly #behind = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  #elapsedMs = 0;

  constructor(topology: Topology) {
    this.topology = topology;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  state(): LiveState {
    this.#elapsedMs += 200;
    return {
      scenario: 'partition: one node without its bus',
      elapsedMs: this.#elapsedMs,
      phase: this.#cuts.size > 0 ? 'fault' : 'load',
      links: this.topology.links.map(({ id }) => ({
        id,
        state: this.#cuts.has(id) ? 'cut' : id === 'b-us' ? 'degraded' : 'up',
        cut: this.#cuts.get(id) ?? null,
        detail: id === 'b-us' ? '300 ms later' : null,
        bytesPerSecond: 1_200,
      })),
      nodes: this.topology.nodes.map(({ id }, index) => ({
        id,
        state: 'up',
        editors: index * 3 + 2,
        divergentDocs: Math.min(1, this.#behind.get(id) ?? 0),
        divergentElements: this.#behind.get(id) ?? 0,
      })),
      faults: [],
      ops: 1_204,
      acked: 1_190,
      unacked: 14,
      ackP50Ms: 4,
      ackP99Ms: 31,
    };
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async cut(link: string, direction: CutDirection): Promise<void> {
    this.#known(link);
    this.commands.push(`cut ${link} ${direction}`);
    this.#cuts.set(link, direction);
    this.#changed();
  }

  async heal(link: string): Promise<void> {
    this.#known(link);
    this.commands.push(`heal ${link}`);
    this.#cuts.delete(link);
    this.#changed();
  }

  fallBehind(node: string, elements: number): void {
    this.#behind.set(node, elements);
    this.#changed();
  }

  #known(link: string): void {
    if (!this.topology.links.some(({ id }) => id === link)) throw new Error(`no link ${link}`);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
