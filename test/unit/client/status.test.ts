/** The whole table of client/status.ts: every phase meets every event. */
import { describe, expect, it } from 'vitest';
import { advance, initialProgress, isJoined, summarize } from '../../../client/status.ts';
import type { SaveEvent, SavePhase, SaveProgress } from '../../../client/status.ts';

type EventName = SaveEvent['type'] | 'ackedAll' | 'ackedSome';

const EVENTS: Record<EventName, SaveEvent> = {
  edited: { type: 'edited' },
  opened: { type: 'opened' },
  joined: { type: 'joined' },
  reported: { type: 'reported' },
  acked: { type: 'acked', version: 0 },
  ackedSome: { type: 'acked', version: 6 },
  ackedAll: { type: 'acked', version: 7 },
  lost: { type: 'lost' },
  refused: { type: 'refused' },
};

/** Seven changes, five of them acked, all reported; `saved` has all seven acked. */
function progressIn(phase: SavePhase): SaveProgress {
  const ackedVersion = phase === 'saved' ? 7 : 5;
  const reportedVersion = phase === 'saving' || phase === 'saved' ? 7 : 0;
  return { phase, localVersion: 7, reportedVersion, ackedVersion, hasServerAcked: true };
}

const TABLE: Record<SavePhase, Record<EventName, [phase: SavePhase, unsaved: number]>> = {
  offline: {
    edited: ['offline', 3],
    opened: ['joining', 2],
    joined: ['offline', 2],
    reported: ['offline', 2],
    acked: ['offline', 2],
    ackedSome: ['offline', 2],
    ackedAll: ['offline', 2],
    lost: ['offline', 2],
    refused: ['closed', 2],
  },
  joining: {
    edited: ['joining', 3],
    opened: ['joining', 2],
    joined: ['saving', 2],
    reported: ['joining', 2],
    acked: ['joining', 2],
    ackedSome: ['joining', 2],
    ackedAll: ['joining', 2],
    lost: ['offline', 2],
    refused: ['closed', 2],
  },
  saving: {
    edited: ['saving', 3],
    opened: ['joining', 2],
    joined: ['saving', 2],
    reported: ['saving', 2],
    acked: ['saving', 2],
    ackedSome: ['saving', 1],
    ackedAll: ['saved', 0],
    lost: ['offline', 2],
    refused: ['closed', 2],
  },
  saved: {
    edited: ['saving', 1],
    opened: ['joining', 0],
    joined: ['saved', 0],
    reported: ['saved', 0],
    acked: ['saved', 0],
    ackedSome: ['saved', 0],
    ackedAll: ['saved', 0],
    lost: ['offline', 0],
    refused: ['closed', 0],
  },
  closed: {
    edited: ['closed', 3],
    opened: ['joining', 2],
    joined: ['closed', 2],
    reported: ['closed', 2],
    acked: ['closed', 2],
    ackedSome: ['closed', 2],
    ackedAll: ['closed', 2],
    lost: ['closed', 2],
    refused: ['closed', 2],
  },
};

const STATE_OF: Record<SavePhase, 'saved' | 'saving' | 'offline'> = {
  offline: 'offline',
  joining: 'offline',
  saving: 'saving',
  saved: 'saved',
  closed: 'offline',
};

describe('save status', () => {
  for (const [phase, row] of Object.entries(TABLE)) {
    for (const [name, [next, unsaved]] of Object.entries(row)) {
      it(`${phase} + ${name} → ${next} with ${unsaved} unsaved`, () => {
        const after = advance(progressIn(phase as SavePhase), EVENTS[name as EventName]);
        expect(after.phase).toBe(next);
        expect(summarize(after)).toEqual({
          state: STATE_OF[next],
          unsavedChanges: unsaved,
          hasUnsavedChanges: unsaved > 0,
          hasServerAcked: true,
        });
        expect(isJoined(after)).toBe(next === 'saving' || next === 'saved');
      });
    }
  }

  it('counts what the document held before as one unsaved change', () => {
    expect(summarize(initialProgress(1)).unsavedChanges).toBe(1);
    expect(summarize(initialProgress(0)).unsavedChanges).toBe(0);
  });

  it('ignores an ack for more than was reported on this connection', () => {
    const saving = { ...progressIn('saving'), reportedVersion: 6 };
    expect(advance(saving, { type: 'acked', version: 7 })).toEqual(saving);
    const rejoined = run(saving, ['lost', 'opened', 'joined']);
    expect(advance(rejoined, { type: 'acked', version: 6 }).ackedVersion).toBe(5);
    const reported = advance(rejoined, { type: 'reported' });
    expect(advance(reported, { type: 'acked', version: 7 }).phase).toBe('saved');
  });

  it('never takes an ack back', () => {
    const saved = advance(progressIn('saving'), { type: 'acked', version: 7 });
    expect(advance(saved, { type: 'acked', version: 6 })).toEqual(saved);
  });

  it('has no ack until a server gives one', () => {
    const silent = run(initialProgress(1), ['opened', 'joined', 'reported', 'edited']);
    expect(summarize(silent)).toMatchObject({ state: 'saving', hasServerAcked: false });
    const acked = advance(silent, { type: 'acked', version: 1 });
    expect(summarize(acked)).toMatchObject({ state: 'saving', hasServerAcked: true });
  });
});

function run(progress: SaveProgress, names: EventName[]): SaveProgress {
  let now = progress;
  for (const name of names) now = advance(now, EVENTS[name]);
  return now;
}
