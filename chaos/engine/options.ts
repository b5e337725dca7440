/** What a run is told. */
import type { AckLevel } from '../history/events.ts';

export interface RunOptions {
  /** Of load; phases before and after take their own time. */
  readonly seconds: number;
  readonly seed: number;
  readonly regions: number;
  /** In each region. */
  readonly nodes: number;
  readonly editors: number;
  readonly documents: number;
  readonly level: AckLevel;
  /** server/main.js of another build. */
  readonly serverMain: string | null;
  /** Null: nothing is kept. */
  readonly outDir: string | null;
  /** A control run breaks nothing, and must pass the same checks. */
  readonly isControl: boolean;
  /** K5: what counts as healed, milliseconds. */
  readonly convergeMsMax: number;
  /** How many times longer than promised things may take: for machines that are busy with others. */
  readonly patience: number;
  /** For durability: kill cycles, and logs that are cut. */
  readonly cycles: number;
  readonly isLive: boolean;
  /** How the run can be started again. */
  readonly command: string;
  readonly say: (line: string) => void;
}
