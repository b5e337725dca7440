/** Who is here: everybody else's presence, parsed. */
import type { Awareness } from 'y-protocols/awareness';
import { parsePerson, type Person } from './people.ts';

export interface Participant extends Person {
  readonly clientId: number;
  /** Has a cursor in the text, so that one can follow it. */
  readonly hasCursor: boolean;
}

export function participantsOf(awareness: Awareness): readonly Participant[] {
  const found: Participant[] = [];
  for (const [clientId, state] of awareness.getStates()) {
    const person = clientId === awareness.clientID ? null : parsePerson(state);
    if (person === null) continue;
    found.push({
      ...person,
      clientId,
      hasCursor: state['cursor'] !== undefined && state['cursor'] !== null,
    });
  }
  return found.toSorted((a, b) => a.name.localeCompare(b.name) || a.clientId - b.clientId);
}

/** Cursors move all the time; the list of people does not. */
export function isSameRoster(a: readonly Participant[], b: readonly Participant[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, at) => {
      const other = b[at];
      return (
        other !== undefined &&
        one.clientId === other.clientId &&
        one.name === other.name &&
        one.color === other.color &&
        one.hasCursor === other.hasCursor
      );
    })
  );
}
