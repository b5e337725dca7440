/** Following somebody ends when one does something oneself. */
import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Session } from '../document/session.ts';

const OWN_MOVES = ['pointerdown', 'wheel', 'keydown', 'touchmove'] as const;

export function useFollowing(session: Session, place: RefObject<HTMLElement>): void {
  useEffect(() => {
    const { current } = place;
    const stop = (): void => {
      if (session.following.peek() !== null) session.follow(null);
    };
    for (const move of OWN_MOVES) current?.addEventListener(move, stop, { passive: true });
    return () => {
      for (const move of OWN_MOVES) current?.removeEventListener(move, stop);
    };
  }, [session]);
}
