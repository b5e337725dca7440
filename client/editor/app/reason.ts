/** Why something did not work, for the person at the page. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'something went wrong.';
}
