/** What the editor page reads from its address and says about saving, and what a close means. */
import { describe, expect, it } from 'vitest';
import { closeReason } from '../../../client/close-reason.ts';
import {
  durabilityIn,
  hashOf,
  nameInHash,
  serverUrlOf,
  tokenInHash,
} from '../../../client/editor/app/address.ts';
import { saveLabel, type SaveFacts } from '../../../client/editor/document/save-label.ts';
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

  it('carries the token of a link behind the name, and neither is taken for the other', () => {
    const name = nameInHash('#team/notes?token=a.b.c');
    expect(name).toBe('team/notes');
    expect(tokenInHash('#team/notes?token=a.b.c')).toBe('a.b.c');
    expect(tokenInHash('#team/notes')).toBeNull();
    expect(name === null ? '' : hashOf(name, 'a.b.c')).toBe('#team/notes?token=a.b.c');
  });

  it('leads to the server that the page came from, under its path', () => {
    expect(serverUrlOf('http://127.0.0.1:1234/#notes')).toBe('ws://127.0.0.1:1234');
    expect(serverUrlOf('https://example.org/sync/index.html?x#y')).toBe('wss://example.org/sync');
  });
});

const NODE = {
  access: 'admin',
  isAccessControlled: false,
  canShare: false,
  region: 'eu',
  otherRegions: [],
  ack: 'local',
  store: 'open',
} as const;
const SAVED = {
  state: 'saved',
  unsavedChanges: 0,
  hasUnsavedChanges: false,
  hasServerAcked: true,
} as const;
const SAVING = { ...SAVED, state: 'saving', unsavedChanges: 2, hasUnsavedChanges: true } as const;
const OFFLINE = { ...SAVED, state: 'offline' } as const;
const UNSENT = { ...SAVING, state: 'offline' } as const;
const REPLICATED = { ...NODE, ack: 'replicated', otherRegions: ['us'] } as const;
const FACTS: SaveFacts = {
  status: SAVED,
  hasOpened: true,
  isFresh: false,
  closed: null,
  isKept: true,
  asked: undefined,
  node: NODE,
};
const stranger = closeReason(4401, 'missing-token');
const expired = closeReason(4401, 'token-expired');
const deleted = closeReason(4404, 'document-deleted');

describe('the status', () => {
  it.each<[text: string, facts: Partial<SaveFacts>]>([
    ['Saved', {}],
    ['Saved', { node: null }],
    ['Saved', { asked: 'replicated', node: null }],
    ['Saved', { asked: 'local', node: REPLICATED }],
    ['Saved in eu, us', { node: REPLICATED }],
    ['Saved in eu, us', { asked: 'replicated', node: { ...REPLICATED, ack: 'local' } }],
    ['Saved in eu and ap or us', { node: { ...REPLICATED, otherRegions: ['ap', 'us'] } }],
    ['Saved in eu and ap, sa or us', { node: { ...REPLICATED, otherRegions: ['ap', 'sa', 'us'] } }],
    ['Saving…', { status: SAVING }],
    ['Saving…', { status: SAVING, node: null }],
    [
      'Not saved: disk full on the server',
      { status: SAVING, node: { ...NODE, store: 'disk-full' } },
    ],
    [
      'Not saved: the server’s disk is failing',
      { status: SAVING, node: { ...NODE, store: 'failing' } },
    ],
    ['Saved', { node: { ...NODE, store: 'disk-full' } }],
    ['Connecting…', { status: OFFLINE, hasOpened: false }],
    ['Connecting…', { status: OFFLINE, isFresh: true }],
    ['Offline', { status: OFFLINE }],
    ['Offline: 2 changes kept on this device', { status: UNSENT }],
    ['Offline: 1 change kept on this device', { status: { ...UNSENT, unsavedChanges: 1 } }],
    ['Offline: 2 changes in this tab only', { status: UNSENT, isKept: false }],
    ['Not signed in', { status: OFFLINE, hasOpened: false, closed: stranger }],
    ['Session ended: sign in', { status: OFFLINE, closed: expired }],
    ['Session ended: sign in · 2 changes kept on this device', { status: UNSENT, closed: expired }],
    ['Deleted', { status: OFFLINE, closed: deleted }],
    ['Deleted · 2 changes in this tab only', { status: UNSENT, closed: deleted, isKept: false }],
  ])('is “%s”', (text, facts) => {
    expect(saveLabel({ ...FACTS, ...facts }).text).toBe(text);
  });

  it('begins with “Saved” for no state in which something is not', () => {
    for (const status of [SAVING, UNSENT, { ...SAVING, hasServerAcked: false }]) {
      for (const closed of [null, expired, deleted]) {
        for (const node of [null, NODE, REPLICATED]) {
          const { text, tone } = saveLabel({ ...FACTS, status, closed, node });
          expect(text).not.toMatch(/^Saved/);
          expect(tone).not.toBe('saved');
        }
      }
    }
  });

  it('is about another region when the address asks for it', () => {
    expect(durabilityIn('?durability=replicated')).toBe('replicated');
    expect(durabilityIn('?durability=local')).toBe('local');
    expect(durabilityIn('?durability=both')).toBeUndefined();
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
