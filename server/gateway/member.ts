/**
 * A session on a connection, from being let in to leaving: what joins a socket's client to a room, in any dialect.
 */
import { allows, type AccessControl, type Caller, type Identity } from '../access/access.ts';
import type { Connected, Connections } from '../connections/connections.ts';
import { Pass, type PassContext } from '../connections/pass.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import { ProtocolError, type ErrorCode } from '../protocol/errors.ts';
import type { ClientMessage, Outlet } from '../rooms/outlet.ts';
import type { Registry } from '../rooms/registry.ts';
import type { DurabilityLevel } from '../rooms/replication.ts';
import { Session, type SessionLimits } from '../rooms/session.ts';
import type { Timers } from '../rooms/timers.ts';
import type { Connection } from './connection.ts';

/** What members of a node share. */
export interface House {
  readonly registry: Registry;
  readonly connections: Connections;
  readonly access: AccessControl;
  readonly passes: PassContext;
  readonly timers: Timers;
  readonly limits: SessionLimits;
  readonly observer: MemberObserver;
}

export interface MemberObserver {
  /** For want of a token, a right or a name; before there is a session. */
  readonly onUpgradeRefused: (code: ErrorCode) => void;
  readonly onOpened: (document: DocumentName) => void;
  readonly onClosed: (document: DocumentName, closeCode: number) => void;
  /** A bug of ours. */
  readonly onError: (error: unknown) => void;
}

/** Who is at the other end, as far as the upgrade has told. */
export interface Visitor {
  readonly caller: Caller;
  /** Of the upgrade's token; null: it had none, or nobody asks. */
  readonly identity: Identity | null;
  /** What acks are to mean. */
  readonly durability: DurabilityLevel;
}

/** One that is let into a document. */
export interface Admitted extends Visitor {
  readonly document: DocumentName;
  /** Null on a node without access control. */
  readonly pass: Pass | null;
}

/** What lets somebody into a document, null when nothing is asked for, or why they may not in. */
export async function passFor(
  { access, passes }: Pick<House, 'access' | 'passes'>,
  identity: Identity,
  document: DocumentName,
  caller: Caller,
): Promise<Pass | ErrorCode | null> {
  if (!access.isEnforced) return null;
  try {
    const level = await access.accessTo(identity, document);
    if (!allows(level, 'read')) return 'forbidden';
    return new Pass(passes, caller, document, identity, level);
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
}

export class Member<O extends Outlet> implements Connected {
  readonly outlet: O;
  readonly session: Session;
  readonly pass: Pass | null;
  readonly document: DocumentName;
  readonly transport = 'websocket';
  readonly openedMs: number;
  askedMs: number;
  readonly #connection: Connection;
  readonly #house: House;
  #hasLeft = false;

  /** Called when a new token was taken. */
  onRenewed: () => void = () => undefined;

  /** `outlet`: of the session; the connection itself where that is one document. */
  constructor(connection: Connection, outlet: O, house: House, admitted: Admitted) {
    const { document, durability, pass } = admitted;
    const session = new Session(outlet, house.limits, durability);
    this.outlet = outlet;
    this.session = session;
    this.pass = pass;
    this.document = document;
    this.openedMs = house.timers.now();
    this.askedMs = this.openedMs;
    this.#connection = connection;
    this.#house = house;
    if (pass === null) return;
    session.setCanWrite(pass.canWrite);
    session.subject = pass.identity.subject;
    session.onToken = async (token) => {
      await pass.renew(token, session);
      this.onRenewed();
    };
  }

  /** Opens the room. */
  enter(): void {
    const { connections, observer, registry } = this.#house;
    const { session, document } = this;
    connections.add(this);
    observer.onOpened(document);
    registry.open(document).then(
      (room) => {
        if (room.isDisposed) session.close('document-reset');
        else session.enter(room);
      },
      (error: unknown) => {
        // The registry has reported it; here the client is told. [I8]
        session.close(error instanceof ProtocolError ? error.code : 'internal');
      },
    );
  }

  receive(message: ClientMessage): void {
    if (this.pass !== null && (message.type === 'update' || message.type === 'sync-step-2')) {
      const refusal = this.pass.refusal();
      if (refusal !== null) {
        this.session.close(refusal);
        return;
      }
    }
    this.session.receive(message);
  }

  leave(closeCode: number): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.session.leave();
    this.#house.connections.delete(this);
    this.#house.observer.onClosed(this.document, closeCode);
  }

  sweep(nowMs: number): number {
    // A connection of many documents is swept by itself.
    const isAlone = (this.outlet as Outlet) === this.#connection;
    return isAlone ? this.#connection.sweep(nowMs) : this.#connection.silentMs(nowMs);
  }

  setStoreFull(isFull: boolean): void {
    this.#connection.setStoreFull(isFull);
  }

  terminate(): void {
    this.#connection.terminate();
  }
}
