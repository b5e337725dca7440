/** Draws people as discs with their initials. Names are set as text, colours through the style object model. */
import { initials } from './people.ts';
import type { Person } from './people.ts';

/** More than these are counted, not drawn. */
const DISCS_MAX = 4;

export function drawOthers(list: HTMLElement, others: readonly Person[]): void {
  const items = others.slice(0, DISCS_MAX).map((person) => {
    const item = document.createElement('li');
    item.append(disc(person), named(person.name));
    item.title = person.name;
    return item;
  });
  const rest = others.slice(DISCS_MAX);
  if (rest.length > 0) {
    const item = document.createElement('li');
    const more = document.createElement('span');
    more.className = 'disc disc-more';
    more.textContent = `+${rest.length}`;
    item.append(more);
    item.title = rest.map((person) => person.name).join(', ');
    items.push(item);
  }
  list.replaceChildren(...items);
}

/** Fills the button that shows oneself. */
export function drawSelf(button: HTMLElement, person: Person): void {
  const name = document.createElement('bdi');
  name.className = 'self-name';
  name.textContent = person.name;
  button.replaceChildren(disc(person), name);
  button.title = `You are ${person.name}: change name or colour`;
  button.setAttribute('aria-label', button.title);
}

function disc(person: Person): HTMLElement {
  const element = document.createElement('span');
  element.className = 'disc';
  element.ariaHidden = 'true';
  element.textContent = initials(person.name);
  element.style.backgroundColor = person.color;
  return element;
}

function named(name: string): HTMLElement {
  const element = document.createElement('bdi');
  element.className = 'unseen';
  element.textContent = name;
  return element;
}
