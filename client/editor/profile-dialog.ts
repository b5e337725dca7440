/** The dialog in which one chooses a name and a colour. */
import { cleanName, COLORS, NAME_LENGTH_MAX } from './people.ts';
import type { Person } from './people.ts';

export class ProfileDialog {
  readonly #dialog: HTMLDialogElement;
  readonly #name: HTMLInputElement;
  readonly #colors: HTMLElement;

  /** `dialog` holds a form with an input `name` and an element with class `colors`. */
  constructor(dialog: HTMLDialogElement, onChange: (person: Person) => void) {
    this.#dialog = dialog;
    this.#name = part(dialog, 'input[name="name"]', HTMLInputElement);
    this.#colors = part(dialog, '.colors', HTMLElement);
    this.#name.maxLength = NAME_LENGTH_MAX;
    this.#colors.append(...COLORS.map(swatch));
    const form = part(dialog, 'form', HTMLFormElement);
    part(dialog, '[data-cancel]', HTMLButtonElement).addEventListener('click', () =>
      dialog.close(),
    );
    form.addEventListener('submit', () => {
      const name = cleanName(this.#name.value);
      const color = new FormData(form).get('color');
      if (name !== '' && typeof color === 'string') onChange({ name, color });
    });
  }

  open(person: Person): void {
    this.#name.value = person.name;
    for (const input of this.#colors.querySelectorAll('input')) {
      input.checked = input.value === person.color;
    }
    this.#dialog.showModal();
    this.#name.select();
  }
}

const COLOR_NAMES = ['red', 'orange', 'ochre', 'green', 'teal', 'blue', 'violet', 'pink'];

function swatch(color: string, index: number): HTMLElement {
  const label = document.createElement('label');
  const input = document.createElement('input');
  input.type = 'radio';
  input.name = 'color';
  input.value = color;
  input.required = true;
  input.ariaLabel = COLOR_NAMES[index] ?? color;
  const dot = document.createElement('span');
  dot.style.backgroundColor = color;
  label.append(input, dot);
  return label;
}

/** The element that the page's own HTML promises. */
export function part<T extends Element>(
  root: ParentNode,
  selector: string,
  kind: abstract new () => T,
): T {
  const element = root.querySelector(selector);
  if (!(element instanceof kind)) throw new TypeError(`the page has no ${selector}`);
  return element;
}
