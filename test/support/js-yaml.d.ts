/** js-yaml has no types of its own (4.3.2); this is the part that is used here. */
declare module 'js-yaml' {
  export function load(text: string): unknown;
  export function loadAll(text: string): unknown[];
}
