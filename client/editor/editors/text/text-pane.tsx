/** The text, and nothing else. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { PaneProps } from '../../document/document-page.tsx';
import { useFollowing } from '../use-following.ts';
import { TextView } from './text-view.ts';

export function TextPane({ session }: PaneProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const isEditable = session.isEditable.value;
  useEffect(() => {
    const { provider } = session;
    if (place.current === null || provider === null) return;
    const view = new TextView(
      place.current,
      session.name,
      session.doc,
      provider.awareness,
      session.isEditable.peek(),
    );
    session.setView(view);
    if (document.activeElement === document.body && matchMedia('(hover: hover)').matches) {
      view.focus();
    }
    return () => {
      session.setView(null);
      view.destroy();
    };
  }, [session]);
  useEffect(() => session.view?.setEditable(isEditable), [isEditable]);
  useFollowing(session, place);
  return <div class="text-place" id="document" ref={place} />;
}
