/** Who is here: a disc for each; a click follows them. And oneself. */
import type { JSX } from 'preact';
import { UserRoundCheck, Users } from 'lucide-preact';
import { useApp } from '../app/context.ts';
import { Menu } from '../app/menu.tsx';
import { initials, type Person } from './people.ts';
import type { Participant } from './roster.ts';
import type { Session } from './session.ts';

/** More than these stand in the menu behind their number. */
const DISCS_MAX = 4;

export function PeopleBar({ session }: { readonly session: Session }): JSX.Element {
  const { person, dialog } = useApp();
  const others = session.others.value;
  const rest = others.slice(DISCS_MAX);
  const followed = session.following.value;
  const toggle = (one: Participant): void =>
    session.follow(followed === one.clientId ? null : one.clientId);
  return (
    <div class="people">
      <ul id="others" aria-label="Also here">
        {others.slice(0, DISCS_MAX).map((one) => (
          <li key={one.clientId}>
            <button
              type="button"
              class="disc-button"
              aria-pressed={followed === one.clientId}
              aria-label={`Follow ${one.name}`}
              title={followed === one.clientId ? `Following ${one.name}` : `Follow ${one.name}`}
              onClick={() => toggle(one)}
            >
              <Disc person={one} />
              <bdi class="unseen">{one.name}</bdi>
            </button>
          </li>
        ))}
      </ul>
      {rest.length > 0 && (
        <Menu
          class="more-people"
          label={`+${rest.length} more`}
          icon={<span class="disc disc-more">+{rest.length}</span>}
          items={rest.map((one) => ({
            label: one.name,
            icon: <Disc person={one} />,
            run: () => toggle(one),
          }))}
        />
      )}
      <button
        type="button"
        id="self"
        class="disc-button"
        aria-label={`You are ${person.value.name}: change name or colour`}
        title={`You are ${person.value.name}`}
        onClick={() => (dialog.value = 'profile')}
      >
        <Disc person={person.value} />
        <bdi class="unseen">{person.value.name}</bdi>
      </button>
    </div>
  );
}

export function Disc({ person }: { readonly person: Person }): JSX.Element {
  return (
    <span
      class="disc"
      aria-hidden="true"
      // Drawn by the style sheet: letters that are no part of what the button is called.
      data-initials={initials(person.name)}
      // Through the object model: the security policy allows no style attributes.
      ref={(element) => element?.style.setProperty('--person', person.color)}
    />
  );
}

export function FollowNote({ session }: { readonly session: Session }): JSX.Element | null {
  const followed = session.others.value.find(
    ({ clientId }) => clientId === session.following.value,
  );
  if (followed === undefined) return null;
  return (
    <p
      class="follow-note"
      ref={(element) => element?.style.setProperty('--person', followed.color)}
    >
      {followed.hasCursor ? <UserRoundCheck aria-hidden="true" /> : <Users aria-hidden="true" />}
      Following <bdi>{followed.name}</bdi>
      <button type="button" class="button quiet" onClick={() => session.follow(null)}>
        Stop
      </button>
    </p>
  );
}
