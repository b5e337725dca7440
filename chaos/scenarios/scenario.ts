/** What a scenario is: a script of faults under load, and the stage it wants. The phases around it are the run's. */
import type { Expectations } from '../checker/verdict.ts';
import type { RunOptions } from '../engine/options.ts';
import type { AccessPlan } from '../engine/rights.ts';
import type { Run } from '../engine/run.ts';
import type { Outcome } from '../engine/outcome.ts';
import type { Env } from '../programs.ts';

interface Common {
  /** What is typed: `F50`, `durability`. */
  readonly id: string;
  readonly title: string;
  /** Of load, without `--seconds`. */
  readonly seconds: number;
  /** Why it can't run here; null or absent: it can. */
  readonly obstacle?: () => string | null;
}

/** On the common stage, through the common phases. */
export interface StagedScenario extends Common {
  readonly kind: 'staged';
  readonly stage?: Partial<
    Pick<RunOptions, 'regions' | 'nodes' | 'editors' | 'documents' | 'level'>
  >;
  readonly env?: Env;
  /** The first node is on a host of its own. */
  readonly isFirstApart?: boolean;
  /** What is measured against must be long enough to measure. */
  readonly baselineMs?: number;
  /** Whether writers go offline, come back and move meanwhile. */
  readonly roams?: boolean;
  /** K17: a minute is waited after the run, and what nodes hold is compared with the end of the baseline. */
  readonly watchesResources?: boolean;
  /** Nodes with access control, and editors with tokens. */
  readonly access?: AccessPlan;
  readonly expectations?: Partial<Expectations>;
  /** Before the nodes start, given the folder of their folders; undone at the end. */
  readonly prepare?: (folder: string) => Promise<() => void>;
  script(run: Run): Promise<void>;
}

/** With phases of its own. */
export interface OwnScenario extends Common {
  readonly kind: 'own';
  perform(options: RunOptions): Promise<Outcome>;
}

export type Scenario = StagedScenario | OwnScenario;
