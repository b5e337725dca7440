/** How others' cursors look, in both editors: a bar in their colour, and their name for a moment after it moved. */
import { parsePerson } from '../document/people.ts';

const NOBODY = { name: 'Somebody', color: '#5f6368' };

/** `user`: that part of a presence state; anybody's JSON. */
export function personIn(user: unknown): { readonly name: string; readonly color: string } {
  return parsePerson({ user }) ?? NOBODY;
}

export function drawCaret(user: unknown, clientId: number): HTMLElement {
  const { name, color } = personIn(user);
  const caret = document.createElement('span');
  caret.className = 'caret';
  caret.dataset['client'] = String(clientId);
  caret.style.setProperty('--person', color);
  const label = document.createElement('span');
  label.className = 'caret-name';
  label.textContent = name;
  // The name is in the list of people; read out in the text it would be part of it.
  caret.ariaHidden = 'true';
  caret.append('\u2060', label, '\u2060');
  return caret;
}

/** With an alpha, which the security policy lets pass where a style attribute would not. */
export function selectionColor(user: unknown): string {
  return `${personIn(user).color}38`;
}
