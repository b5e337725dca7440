/** What the editor page reads from its address and says about saving, and what a close means. */
import { describe, expect, it } from 'vitest';
import { closeReason } from '../../../client/close-reason.ts';
import { durabilityIn, hashOf, nameInHash, serverUrlOf } from '../../../client/editor/address.ts';
import { saveLabel } from '../../../client/editor/save-label.ts';
import { ERRORS } from '../../../server/protocol/errors.ts';

describe('address', () => {
  for (const [hash, name] of [
    ['', 'welcome'],
    ['#', 'welcome'],
    ['#notes', 'notes'],
    ['#team/minutes', 'team/minutes'],
    ['#team%2Fminutes', 'team/minutes'],
    ['#%C3%9Cber%20uns', 'Über uns'],
    ['#u%CC%88ber', 'über'],
    ['#100%', null],
    ['#../etc', null],
    ['#<img>', null],
  ] as const) {
    it(`${hash || '(none)'} names ${name ?? 'nothing'}`, () => {
      expect(nameInHash(hash)).toBe(name);
    });
  }

  it('is found again from the name', () => {
    const name = nameInHash('#team/Über uns');
    expect(name).not.toBeNull();
    expect(name === null ? '' : hashOf(name)).toBe('#team/%C3%9Cber%20uns');
  });

  it('leads to the server that the page came from, under its path', () => {
    expect(serverUrlOf('http://127.0.0.1:1234/#notes')).toBe('ws://127.0.0.1:1234');
    expect(serverUrlOf('https://example.org/sync/index.html?x#y')).toBe('wss://example.org/sync');
  });
});

describe('save label', () => {
  const base = { unsavedChanges: 0, hasUnsavedChanges: false, hasServerAcked: true };
  const one = { unsavedChanges: 1, hasUnsavedChanges: true, hasServerAcked: true };
  const five = { ...one, unsavedChanges: 5 };
  for (const [status, hasOpened, text] of [
    [{ ...base, state: 'saved' }, true, 'All changes saved'],
    [{ ...one, state: 'saving' }, true, 'Saving… (1)'],
    [{ ...base, state: 'offline' }, false, 'Connecting…'],
    [{ ...base, state: 'offline' }, true, 'Offline'],
    [{ ...one, state: 'offline' }, true, 'Offline — 1 change kept in this tab'],
    [{ ...five, state: 'offline' }, true, 'Offline — 5 changes kept in this tab'],
  ] as const) {
    it(`says “${text}”`, () => {
      expect(saveLabel(status, hasOpened).text).toBe(text);
    });
  }
});

describe('durability', () => {
  it('is what the address asks for, and the label says what was reached', () => {
    expect(durabilityIn('?durability=replicated')).toBe('replicated');
    expect(durabilityIn('?durability=local')).toBe('local');
    expect(durabilityIn('?durability=both')).toBeUndefined();
    const saved = {
      state: 'saved',
      unsavedChanges: 0,
      hasUnsavedChanges: false,
      hasServerAcked: true,
    } as const;
    expect(saveLabel(saved, true, 'replicated').text).toBe('All changes saved in two regions');
    expect(saveLabel({ ...saved, state: 'saving' }, true, 'replicated').tone).toBe('saving');
  });
});

describe('close reason', () => {
  it('is the row that the server names, or the first with its close code', () => {
    expect(closeReason(4404, 'document-deleted')).toMatchObject({ code: 'document-deleted' });
    expect(closeReason(4404, 'document-deleted: by its owner').code).toBe('document-deleted');
    expect(closeReason(4404, 'something else')).toMatchObject({ code: 'not-found' });
    expect(closeReason(4404, 'invalid-document-name')).toMatchObject({ code: 'not-found' });
  });

  it('has the meaning and advice of every permanent row of the error table', () => {
    for (const [code, entry] of Object.entries(ERRORS)) {
      expect(closeReason(entry.close, code)).toEqual({
        closeCode: entry.close,
        code,
        retry: entry.retry,
        meaning: entry.meaning,
      });
    }
  });

  it('is to give up for codes that it does not know', () => {
    expect(closeReason(4499, 'toString')).toMatchObject({ code: null, retry: 'never' });
  });
});
