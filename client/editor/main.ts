/** The editor page: finds its elements, follows the address, and keeps one session open. */
import type { DocumentName } from '../../server/protocol/document-name.ts';
import { durabilityIn, hashOf, nameInHash, serverUrlOf } from './address.ts';
import { drawOthers, drawSelf } from './people-bar.ts';
import { loadProfile, saveProfile } from './people.ts';
import type { ProfileStorage } from './people.ts';
import { part, ProfileDialog } from './profile-dialog.ts';
import { SaveIndicator } from './save-indicator.ts';
import { closeLabel, saveLabel } from './save-label.ts';
import { Session } from './session.ts';

/** How long a button says what it did, milliseconds. */
const DONE_MS = 2_000;

const field = part(document, '#text', HTMLTextAreaElement);
const nameForm = part(document, '#name-form', HTMLFormElement);
const nameInput = part(document, '#name', HTMLInputElement);
const others = part(document, '#others', HTMLElement);
const self = part(document, '#self', HTMLButtonElement);
const notice = part(document, '#notice', HTMLElement);
const noticeText = part(document, '#notice-text', HTMLElement);
const retryButton = part(document, '#retry', HTMLButtonElement);
const copyTextButton = part(document, '#copy-text', HTMLButtonElement);
const copyLinkButton = part(document, '#copy-link', HTMLButtonElement);
const indicator = new SaveIndicator(
  part(document, '#save', HTMLElement),
  part(document, '#save-words', HTMLElement),
  part(document, '#save-spoken', HTMLElement),
);

const storage = profileStorage();
let person = loadProfile(storage, Math.random);
let session: Session | null = null;
let shownName: DocumentName | null = null;

const profileDialog = new ProfileDialog(part(document, '#profile', HTMLDialogElement), (chosen) => {
  person = chosen;
  saveProfile(storage, person);
  drawSelf(self, person);
  session?.setPerson(person);
});

drawSelf(self, person);
openAddressed();
addEventListener('hashchange', openAddressed);
self.addEventListener('click', () => profileDialog.open(person));
nameForm.addEventListener('submit', (event) => {
  event.preventDefault();
  openTyped();
});
nameInput.addEventListener('input', () => nameInput.setCustomValidity(''));
nameInput.addEventListener('blur', () => {
  nameInput.setCustomValidity('');
  nameInput.value = shownName ?? '';
});
nameInput.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') field.focus();
});
retryButton.addEventListener('click', () => {
  notice.hidden = true;
  session?.reconnect();
});
copyLinkButton.addEventListener('click', () => {
  void copy(location.href, copyLinkButton);
});
copyTextButton.addEventListener('click', () => {
  void copy(session?.text ?? '', copyTextButton);
});

function openAddressed(): void {
  const name = nameInHash(location.hash);
  if (name !== null && name === shownName) return;
  session?.leave();
  session = null;
  shownName = name;
  notice.hidden = true;
  field.value = '';
  field.readOnly = true;
  field.placeholder = 'Opening…';
  drawOthers(others, []);
  nameInput.value = name ?? '';
  document.title = `${name ?? 'No document'} · Syncline`;
  if (name === null) {
    field.placeholder = '';
    indicator.show({ tone: 'quiet', text: 'Not connected' });
    showNotice('The address names no document that could exist. Type another name above.', []);
    return;
  }
  const durability = durabilityIn(location.search);
  session = new Session(serverUrlOf(location.href), name, field, person, {
    durability,
    showStatus(status, hasOpened) {
      indicator.show(saveLabel(status, hasOpened, durability));
      if (hasOpened && notice.hidden) setEditable();
    },
    showOthers: (people) => drawOthers(others, people),
    showClosed(reason) {
      field.readOnly = true;
      field.placeholder = '';
      showNotice(closeLabel(reason), [retryButton, copyTextButton]);
    },
  });
}

function openTyped(): void {
  const hash = `#${encodeURIComponent(nameInput.value)}`;
  const name = nameInHash(hash);
  if (name === null || nameInput.value.trim() === '') {
    nameInput.setCustomValidity('Letters, digits, spaces and - _ . ~ : @ / + are fine in a name.');
    nameInput.reportValidity();
    return;
  }
  location.hash = hashOf(name);
  field.focus();
}

function setEditable(): void {
  if (!field.readOnly) return;
  field.readOnly = false;
  field.placeholder = 'Start typing. Everybody who has the link to this page sees it as you type.';
  if (document.activeElement === document.body) field.focus();
}

function showNotice(text: string, actions: readonly HTMLButtonElement[]): void {
  noticeText.textContent = text;
  for (const button of [retryButton, copyTextButton]) button.hidden = !actions.includes(button);
  notice.hidden = false;
}

async function copy(text: string, button: HTMLButtonElement): Promise<void> {
  const label = part(button, '.label', HTMLElement);
  const before = label.dataset['text'] ?? label.textContent;
  label.dataset['text'] = before;
  label.textContent = await navigator.clipboard.writeText(text).then(
    () => 'Copied',
    () => 'Not allowed',
  );
  setTimeout(() => {
    label.textContent = before;
  }, DONE_MS);
}

/** Reading the property itself throws where storage is forbidden. */
function profileStorage(): ProfileStorage {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
