/** Name and colour, as others see them. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useApp } from '../app/context.ts';
import { Dialog } from '../app/dialog.tsx';
import { cleanName, COLORS, NAME_LENGTH_MAX } from './people.ts';

const COLOR_NAMES = ['red', 'orange', 'ochre', 'green', 'teal', 'blue', 'violet', 'pink'];

export function ProfileDialog(): JSX.Element {
  const { person, dialog } = useApp();
  const [name, setName] = useState(person.value.name);
  const [color, setColor] = useState(person.value.color);
  return (
    <Dialog title="How others see you" onClose={() => (dialog.value = null)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const clean = cleanName(name);
          if (clean === '') return;
          person.value = { name: clean, color };
          dialog.value = null;
        }}
      >
        <label class="field">
          <span>Name</span>
          <input
            name="name"
            required
            autocomplete="nickname"
            maxLength={NAME_LENGTH_MAX}
            value={name}
            autofocus
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <fieldset class="swatches">
          <legend>Colour</legend>
          {COLORS.map((value, index) => (
            <label key={value}>
              <input
                type="radio"
                name="color"
                aria-label={COLOR_NAMES[index] ?? value}
                checked={value === color}
                onChange={() => setColor(value)}
              />
              <span ref={(element) => element?.style.setProperty('--person', value)} />
            </label>
          ))}
        </fieldset>
        <p class="actions">
          <button type="submit" class="button primary">
            Done
          </button>
        </p>
      </form>
    </Dialog>
  );
}
