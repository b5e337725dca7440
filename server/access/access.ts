/**
 * Who may do what: the port that the gateway and the HTTP side ask. A token becomes an identity (`authenticate`),
 * an identity and a document become an access level (`accessTo`). Whoever holds a connection open asks
 * `isCurrent` again at every message that writes, and listens for revocations.
 *
 * Refusals are values, not exceptions: they are the common case under attack. They say the row of the error
 * table and nothing about documents. [I7]
 */
import type { DocumentName } from '../protocol/document-name.ts';
import type { ErrorCode } from '../protocol/errors.ts';

/** Each level contains the ones before it. */
export type AccessLevel = 'none' | 'read' | 'write' | 'admin';

export interface Identity {
  /** The user: `sub` of the token; `anonymous` on a node without access control. */
  readonly subject: string;
  /** When the token ends, milliseconds since the epoch; null without access control. */
  readonly expiresAtMs: number | null;
  /** `jti` of the token; null when it has none. */
  readonly tokenId: string | null;
  /** `iat` of the token, milliseconds since the epoch; null when it has none. */
  readonly issuedAtMs: number | null;
}

/** What is known of the request that asks, for hooks and for rates. Never holds the token. */
export interface Caller {
  /** The peer's address, without a port. */
  readonly address: string;
  readonly origin: string | null;
}

export type Authentication =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly code: ErrorCode };

export interface Revocation {
  /** At least one of the three. With a document, only that document is closed to the subject or token. */
  readonly tokenId?: string;
  readonly subject?: string;
  readonly document?: string;
  /** Tokens issued after this are good again; milliseconds since the epoch. */
  readonly atMs: number;
}

export interface LinkRequest {
  readonly document: DocumentName;
  readonly access: 'read' | 'write';
  /** How long it should be good for; less when that is more than the identity may give. */
  readonly lifetimeMs: number;
  /** Of the identity, on the document. */
  readonly level: AccessLevel;
  /** Whose it is to be; an admin's word only. Default: nobody's in particular. */
  readonly subject?: string | null;
}

export interface MintedLink {
  readonly token: string;
  /** What a revocation names to end it; null when it ends with the token of who made it. */
  readonly tokenId: string | null;
  readonly expiresAtMs: number;
}

export interface AccessControl {
  /** False on a loopback node (or AUTH=none): everybody is `anonymous`, with `admin` everywhere. */
  readonly isEnforced: boolean;

  /** True when `accessTo` may change its mind about an identity: who holds a connection asks it again. */
  readonly hasHook: boolean;

  /** Whether it signs tokens: tickets and links. */
  readonly canMint: boolean;

  /** `token` as it was sent, without a scheme; null when none was. Bounded in time; never throws. */
  authenticate(token: string | null, caller: Caller): Promise<Authentication>;

  /**
   * What the identity may do with a document, existing or not. Asks the embedder's hook if there is one.
   * @throws ProtocolError `access-unavailable`: the hook failed or took too long; never a reason to let anybody in
   */
  accessTo(identity: Identity, document: DocumentName): Promise<AccessLevel>;

  /** The level over the whole node: what routes without a document need (`admin` grants on `*` give it). */
  accessToNode(identity: Identity): AccessLevel;

  /** What tokens are judged by, milliseconds since the epoch: see token-clock.ts. */
  now(): number;

  /** Null while the identity is good; else why a connection that has it must end. Synchronous, for hot paths. */
  refusalOf(identity: Identity, document: DocumentName | null, nowMs: number): ErrorCode | null;

  /** What is revoked now. */
  revocations(): readonly Revocation[];

  /** A token that is good for one use, with the rights of the identity. Null where the node cannot sign. */
  mintTicket(identity: Identity): { readonly token: string; readonly expiresAtMs: number } | null;

  /**
   * A token for somebody else: `access` to one document and nothing more. Null where the node cannot sign. Whoever is no
   * admin of the document hands on what their own token is worth, no longer than it lasts, and it ends with that one.
   */
  mintLink(identity: Identity, link: LinkRequest): MintedLink | null;

  /** Makes a revocation durable, tells this node's listeners and (once there are several) the other nodes. */
  revoke(revocation: Revocation): Promise<void>;

  /** Calls back after every revocation, from here or elsewhere. Returns a function that stops it. */
  onRevoked(listener: (revocation: Revocation) => void): () => void;
}

const ORDER: readonly AccessLevel[] = ['none', 'read', 'write', 'admin'];

export function allows(level: AccessLevel, needed: AccessLevel): boolean {
  return ORDER.indexOf(level) >= ORDER.indexOf(needed);
}
