/**
 * Pictures by URL. One from this server is shown at once; one from elsewhere is asked for only when the reader says so,
 * because asking tells that host who reads here.
 */
import { Image } from '@tiptap/extension-image';
import type { Node } from '@tiptap/core';

export function isOwn(src: string): boolean {
  return URL.canParse(src, location.href) && new URL(src, location.href).origin === location.origin;
}

/** http(s) only, and https for other hosts: what the security policy lets through. */
export function pictureUrl(text: string): string | null {
  if (!URL.canParse(text, location.href)) return null;
  const url = new URL(text, location.href);
  return url.protocol === 'https:' || isOwn(url.href) ? url.href : null;
}

export const Picture: Node = Image.extend({
  addNodeView() {
    return ({ node }) => {
      const { src, alt } = node.attrs as { src: string | null; alt: string | null };
      const dom = document.createElement('figure');
      dom.className = 'picture';
      const address = pictureUrl(src ?? '');
      if (address === null) dom.append(note('A picture with an address that cannot be shown'));
      else if (isOwn(address)) dom.append(picture(address, alt));
      else dom.append(question(dom, address, alt));
      return { dom };
    };
  },
}).configure({ inline: false, allowBase64: false });

function picture(src: string, alt: string | null): HTMLElement {
  const image = document.createElement('img');
  image.referrerPolicy = 'no-referrer';
  image.loading = 'lazy';
  image.alt = alt ?? '';
  image.src = src;
  return image;
}

function question(figure: HTMLElement, src: string, alt: string | null): HTMLElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'button';
  button.textContent = `Show the picture from ${new URL(src).host}`;
  button.addEventListener('click', () => figure.replaceChildren(picture(src, alt)));
  const asked = note(alt ?? 'A picture');
  asked.append(button);
  return asked;
}

function note(text: string): HTMLElement {
  const element = document.createElement('span');
  element.className = 'picture-note';
  element.textContent = text;
  return element;
}
