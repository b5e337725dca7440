/**
 * The one status of a document, in words. It promises no more than is known: "Saved" is said when the server has
 * confirmed every change made here, and never otherwise; where, only when that is known, too.
 */
import type { CloseReason } from '../../close-reason.ts';
import type { SaveStatus } from '../../status.ts';
import type { Durability } from './durability.ts';

export type Tone = 'quiet' | 'saved' | 'saving' | 'offline' | 'failed';

export interface SaveLabel {
  readonly tone: Tone;
  readonly text: string;
  /** What is not saved can be seen here, and what to do about it. */
  readonly detail: string;
}

export interface SaveFacts {
  readonly status: SaveStatus;
  /** The document has been on screen, so that a missing connection is news. */
  readonly hasOpened: boolean;
  /** It is still being connected for the first time. */
  readonly isFresh: boolean;
  /** Why the server closed for good. */
  readonly closed: CloseReason | null;
  /** Whether this browser keeps changes when the page is gone. */
  readonly isKept: boolean;
  /** What the page has asked for; undefined: as the node is configured. */
  readonly asked: 'local' | 'replicated' | undefined;
  /** What the node says of itself; null: not known. */
  readonly node: Durability | null;
}

export function saveLabel(facts: SaveFacts): SaveLabel {
  const { status, closed } = facts;
  const { state, unsavedChanges } = status;
  if (closed !== null) return closedLabel(closed, unsavedChanges, facts.isKept);
  if (state === 'saved') {
    return { tone: 'saved', text: `Saved${places(facts)}`, detail: savedDetail(facts) };
  }
  if (state === 'saving') return savingLabel(facts);
  if (unsavedChanges === 0) {
    const isQuiet = facts.isFresh || !facts.hasOpened;
    return {
      tone: isQuiet ? 'quiet' : 'offline',
      text: isQuiet ? 'Connecting…' : 'Offline',
      detail:
        'Everything you wrote is saved. What others write will appear when you are back online.',
    };
  }
  return {
    tone: 'offline',
    text: `Offline: ${keptWords(unsavedChanges, facts.isKept)}`,
    detail: 'They will be sent and saved when you are back online.',
  };
}

function savingLabel({ status, node, isKept }: SaveFacts): SaveLabel {
  const kept = keptWords(status.unsavedChanges, isKept);
  if (node?.store === 'disk-full') {
    return {
      tone: 'failed',
      text: 'Not saved: disk full on the server',
      detail: `Others see what you write; ${kept} until the server has space again.`,
    };
  }
  if (node?.store === 'failing') {
    return {
      tone: 'failed',
      text: 'Not saved: the server’s disk is failing',
      detail: `Others see what you write; ${kept} until the disk works again.`,
    };
  }
  return { tone: 'saving', text: 'Saving…', detail: kept };
}

function closedLabel(closed: CloseReason, unsaved: number, isKept: boolean): SaveLabel {
  const kept = unsaved === 0 ? '' : ` · ${keptWords(unsaved, isKept)}`;
  if (closed.retry === 'reauthenticate') {
    // Who has brought no token at all had no session that could end.
    const text = closed.code === 'missing-token' ? 'Not signed in' : 'Session ended: sign in';
    return { tone: 'failed', text: `${text}${kept}`, detail: closeSentence(closed) };
  }
  if (closed.code === 'document-deleted') {
    return { tone: 'failed', text: `Deleted${kept}`, detail: closeSentence(closed) };
  }
  const text = unsaved === 0 ? 'Closed by the server' : 'Not saved: closed by the server';
  return { tone: 'failed', text: `${text}${kept}`, detail: closeSentence(closed) };
}

/** For the person at the page; the table's sentences are for whoever builds on the server. */
export function closeSentence(closed: CloseReason): string {
  if (closed.code === 'document-deleted') {
    return 'This document was deleted. Its text is still here, in this tab.';
  }
  if (closed.code === 'document-not-found') {
    return 'There is no such document, or you may not see it.';
  }
  if (closed.code === 'missing-token') return 'This server asks who you are.';
  return closed.meaning;
}

function keptWords(count: number, isKept: boolean): string {
  const changes = count === 1 ? '1 change' : `${count} changes`;
  return isKept ? `${changes} kept on this device` : `${changes} in this tab only`;
}

/** Which regions have confirmed; with more than one other, it is one of them, and nobody knows here which. */
function places({ asked, node }: SaveFacts): string {
  if (node === null || (asked ?? node.ack) !== 'replicated') return '';
  const last = node.otherRegions.at(-1);
  if (last === undefined) return '';
  const others = node.otherRegions.slice(0, -1).join(', ');
  return others === ''
    ? ` in ${node.region}, ${last}`
    : ` in ${node.region} and ${others} or ${last}`;
}

function savedDetail(facts: SaveFacts): string {
  const where = places(facts);
  if (where !== '') return `On disk${where}. Nothing is lost if one of them fails.`;
  return 'On the server’s disk. Nothing is lost if it crashes now.';
}
