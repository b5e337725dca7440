/**
 * The save state, and why it ended, in words. They promise no more than is true: nothing is kept when the tab
 * closes.
 */
import type { CloseReason } from '../close-reason.ts';
import type { SaveStatus } from '../status.ts';

export interface SaveLabel {
  readonly tone: 'quiet' | 'saved' | 'saving' | 'offline';
  readonly text: string;
}

/**
 * `hasOpened`: the document has been on screen before, so that a missing connection is news. `durability`: what the page
 * has asked for.
 */
export function saveLabel(
  status: SaveStatus,
  hasOpened: boolean,
  durability?: 'local' | 'replicated',
): SaveLabel {
  const { state, unsavedChanges } = status;
  if (state === 'saved') {
    const where = durability === 'replicated' ? ' in two regions' : '';
    return { tone: 'saved', text: `All changes saved${where}` };
  }
  if (state === 'saving') return { tone: 'saving', text: `Saving… (${unsavedChanges})` };
  if (!hasOpened) return { tone: 'quiet', text: 'Connecting…' };
  if (unsavedChanges === 0) return { tone: 'offline', text: 'Offline' };
  const changes = unsavedChanges === 1 ? '1 change' : `${unsavedChanges} changes`;
  return { tone: 'offline', text: `Offline — ${changes} kept in this tab` };
}

/** For the person at the page; the table's sentences are for whoever builds on the server. */
export function closeLabel(reason: CloseReason): string {
  if (reason.code === 'document-deleted') {
    return 'This document was deleted. Its text is still in this tab.';
  }
  return reason.meaning;
}
