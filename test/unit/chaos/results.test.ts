/** RESULTS.md says what runs showed: losses, failures, and what was not looked at. */
import { describe, expect, it } from 'vitest';
import { resultsMarkdown } from '../../../chaos/report/results.ts';
import { cleanHistory } from '../../support/clean-history.ts';
import { FULL_PLAN } from '../../support/clean-plan.ts';
import { PLANTS } from '../../support/planted-anomalies.ts';
import { runRecordOf } from '../../support/run-records.ts';

describe('the table of results', () => {
  const clean = runRecordOf(cleanHistory(FULL_PLAN));

  it('has a row a run, and the totals', () => {
    const text = resultsMarkdown('Chaos', [clean, { ...clean, scenario: 'a|b', seed: 7 }]);
    expect(text).toMatch(
      /2 runs, 4 faults proven, 2 crashes\. \*\*0 of \d+ acked edits were lost\*\*/,
    );
    expect(text).toContain('| partition | F50, F01 | 21 passed |');
    expect(text).toContain(String.raw`| a\|b |`);
    expect(text).toContain('F60 packet loss 10 %: tc netem is not there');
    expect(text).not.toContain('## What failed');
  });

  it('names what failed, with an example and what to type', () => {
    const lie = PLANTS['K1 an acked addition that one node has lost']?.(cleanHistory(FULL_PLAN));
    const text = resultsMarkdown('Chaos', [clean, runRecordOf(lie ?? [])]);
    expect(text).toMatch(/\*\*1 of \d+ acked edits were lost\*\*\./);
    expect(text).toMatch(
      /K1 no acked update is lost: 1 × e\. g\. w\d:e\d+ was acked by . \(local\)/,
    );
    expect(text).toContain('Again: `npm run chaos -- run partition --seconds 30 --seed 4217`');
  });

  it('says what could not be checked, and where', () => {
    const blind = cleanHistory(FULL_PLAN).filter(({ f }) => f !== 'presence');
    const text = resultsMarkdown('Chaos', [clean, { ...runRecordOf(blind), scenario: 'blind' }]);
    expect(text).toContain('- K19 Presence becomes true: nobody looked who is there (blind)');
    expect(resultsMarkdown('Chaos', [])).toContain('Nothing was run');
  });

  it('names what was not run, and why', () => {
    const notRun = [{ scenario: 'F20', status: 'skipped', reason: 'needs root' }];
    const text = resultsMarkdown('Chaos', [clean], notRun);
    expect(text).toContain('## What was not run\n\n- **F20**, skipped: needs root');
    expect(resultsMarkdown('Chaos', [clean])).not.toContain('## What was not run');
  });
});
