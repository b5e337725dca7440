/** What the page asks of whichever editor shows the document. */
export interface DocumentView {
  focus(): void;
  setEditable(isEditable: boolean): void;
  /** Brings somebody's cursor into view; false when they have none here. */
  reveal(clientId: number): boolean;
  /** What it says, as plain text. */
  text(): string;
  destroy(): void;
}
