/**
 * The two things a provider wants from the page around it, both absent outside browsers: a question before
 * the page closes with unsaved changes, and a hint that the network may be back.
 */

/** Asks the user to stay while `setUnsaved(true)` is in force. */
export class CloseWarning {
  #isArmed = false;

  setUnsaved(hasUnsavedChanges: boolean): void {
    if (typeof window === 'undefined' || hasUnsavedChanges === this.#isArmed) return;
    this.#isArmed = hasUnsavedChanges;
    // Attached only while needed: the listener keeps pages out of the back/forward cache.
    if (hasUnsavedChanges) window.addEventListener('beforeunload', askToStay);
    else window.removeEventListener('beforeunload', askToStay);
  }
}

/** Calls `wake` when the network returns or the page comes to the front; returns the way to stop that. */
export function onWake(wake: () => void): () => void {
  if (typeof window === 'undefined') return () => {};
  const whenVisible = (): void => {
    if (document.visibilityState === 'visible') wake();
  };
  window.addEventListener('online', wake);
  document.addEventListener('visibilitychange', whenVisible);
  return () => {
    window.removeEventListener('online', wake);
    document.removeEventListener('visibilitychange', whenVisible);
  };
}

function askToStay(event: BeforeUnloadEvent): void {
  event.preventDefault();
}
