/** The toolbar and the text. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { PaneProps } from '../../document/document-page.tsx';
import { useFollowing } from '../use-following.ts';
import { RichView } from './rich-view.ts';
import { Toolbar } from './toolbar.tsx';

export function RichPane({ session }: PaneProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<RichView | null>(null);
  const isEditable = session.isEditable.value;
  useEffect(() => {
    const { provider } = session;
    if (place.current === null || provider === null) return;
    const made = new RichView(
      place.current,
      session.doc,
      provider.awareness,
      session.isEditable.peek(),
    );
    setView(made);
    session.setView(made);
    // Whoever opened the page wants to read or write this.
    if (document.activeElement === document.body && matchMedia('(hover: hover)').matches) {
      made.focus();
    }
    return () => {
      session.setView(null);
      made.destroy();
    };
  }, [session]);
  useEffect(() => view?.setEditable(isEditable), [view, isEditable]);
  useFollowing(session, place);
  return (
    <>
      {view !== null && isEditable && <Toolbar editor={view.editor} />}
      <div class="scroller">
        <div class="rich-place" ref={place} />
      </div>
      <p class="unseen" id="text-help">
        Alt F10 goes to the toolbar.
      </p>
    </>
  );
}
