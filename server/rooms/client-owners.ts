/**
 * Whose client ids are whose, as far as the users who are connected to a room go. An update with the client id of
 * somebody else who is connected is a forgery (rows U19 and U20 of the hostile inputs: the victim's own edits would
 * be taken for known ones) or comes from a client that passes on what it got on another way. The two look alike,
 * therefore such updates are counted, and refused only on nodes that are told to (FOREIGN_STRUCTS).
 */
import type { Author } from './author.ts';

/** Owners who are gone are forgotten at the latest when there are so many more than at the last look. */
const GROWTH = 64;

export class ClientOwners {
  readonly #owners = new Map<number, Author>();
  #sizeMax = GROWTH;

  /**
   * Whether an update brings structs of a client whose owner, another user, is connected. A client id that nobody
   * has becomes the author's when it writes live with that alone, as every editor does while it types.
   * `sections`: [client, start, end, …]. Somebody without a name owns nothing, and is nobody else.
   */
  note(sections: readonly number[], author: Author): boolean {
    const { subject = null } = author;
    if (subject === null) return false;
    let isForeign = false;
    for (let at = 0; at < sections.length; at += 3) {
      const client = sections[at] ?? 0;
      const owner = this.#owners.get(client);
      if (owner !== undefined && !owner.isClosed) {
        isForeign ||= owner.subject !== subject;
      } else if (sections.length === 3 && author.isLive === true) {
        this.#own(client, author);
      }
    }
    return isForeign;
  }

  #own(client: number, author: Author): void {
    this.#owners.set(client, author);
    if (this.#owners.size <= this.#sizeMax) return;
    for (const [known, owner] of this.#owners) if (owner.isClosed) this.#owners.delete(known);
    this.#sizeMax = 2 * this.#owners.size + GROWTH;
  }
}
