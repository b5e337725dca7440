/** What people ask nodes for outside of editing, and whether they were told anything. */
import { ProtocolError } from '../../server/protocol/errors.ts';
import type { Life, SimNode } from './sim-node.ts';

/** Something that a node has promised. */
export interface Promised {
  readonly node: SimNode;
  /** A disk is lost once at most: whoever has lost it before loses nothing more. */
  readonly isAfterLoss: boolean;
}

export class Requests {
  /** Not answered yet; whoever goes down answers nobody. */
  readonly #open = new Map<Life, number>();

  /** A node that is there has not answered yet. */
  isWaiting(nodes: readonly SimNode[]): boolean {
    return nodes.some(({ life }) => life !== null && (this.#open.get(life) ?? 0) > 0);
  }

  /** Null: refused, as it may be while something is wrong, or its node has gone down. */
  async answered<Result>(life: Life, work: Promise<Result>): Promise<Result | null> {
    this.#open.set(life, (this.#open.get(life) ?? 0) + 1);
    try {
      const result = await work;
      return life.scope.isEnded ? null : result;
    } catch (error) {
      if (error instanceof ProtocolError || life.scope.isEnded) return null;
      throw error;
    } finally {
      this.#open.set(life, (this.#open.get(life) ?? 0) - 1);
    }
  }
}
