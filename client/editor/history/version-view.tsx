/** A version on screen: as it was, or what has changed since. */
import type { JSX } from 'preact';
import type { ComparedBlock } from './compare.ts';

export function VersionView({
  blocks,
}: {
  readonly blocks: readonly ComparedBlock[];
}): JSX.Element {
  if (blocks.every(({ pieces }) => pieces.every(({ text }) => text === ''))) {
    return <p class="hint">It was empty.</p>;
  }
  return (
    <div class="version">
      {blocks.map(({ style, change, pieces }, index) => (
        // Nothing of a version moves; its place is its identity.
        <p key={index} class={`block block-${style}`} data-change={change}>
          {pieces.map((piece, at) =>
            piece.change === 'added' ? (
              <ins key={at}>{piece.text}</ins>
            ) : piece.change === 'removed' ? (
              <del key={at}>{piece.text}</del>
            ) : (
              piece.text
            ),
          )}
        </p>
      ))}
    </div>
  );
}
