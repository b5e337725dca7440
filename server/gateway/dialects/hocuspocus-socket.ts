/**
 * A provider's socket: many documents, each let in by itself with a token in its first message. What comes before the
 * answer to that token waits, bounded over all documents of the socket; whoever sends more is disconnected. [I6] [I7]
 *
 * Documents come and go; the socket stays, and a provider that was refused may send another token over it. It is a
 * connection like any other for everything else: budgets, heartbeat, backpressure, limits on what waits to be sent.
 */
import type { Identity } from '../../access/access.ts';
import { parseDocumentName, type DocumentName } from '../../protocol/document-name.ts';
import { ERRORS, type ErrorCode } from '../../protocol/errors.ts';
import { messageBytes, type Frame, type Wire } from '../../rooms/outlet.ts';
import type { Connection } from '../connection.ts';
import type { Pass } from '../../connections/pass.ts';
import { Member, passFor, type House, type Visitor } from '../member.ts';
import type { Party, Refused } from './dialect.ts';
import { refused } from './dialect.ts';
import { decodeFrame, nameOf, type AddressedMessage, type Wires } from './hocuspocus.ts';
import {
  HocuspocusOutlet,
  type ProviderSocket,
  type SessionMessage,
} from './hocuspocus-document.ts';

/** Of one socket, open ones included. */
const DOCUMENTS_MAX = 100;
/** What may wait for answers to tokens, over all documents of a socket: row W15 of what bad clients do. */
const WAITING_MESSAGES_MAX = 1_000;
const WAITING_BYTES_MAX: number = 256 * 1024;

type Auth = Extract<AddressedMessage, { readonly type: 'auth' }>;

/** One address of the socket; see hocuspocus-document.ts for its life. */
interface Place {
  readonly address: string;
  readonly document: DocumentName;
  phase: 'waiting' | 'asking' | 'open' | 'denied';
  member: Member<HocuspocusOutlet> | null;
  waiting: SessionMessage[];
  waitingBytes: number;
  isVersioned: boolean;
  /** Came while another was being looked at. */
  nextToken: string | null;
  /** Updates since the last SyncStep1 that were not kept; its SyncStep2 will have them. */
  missed: number;
}

export class HocuspocusSocket implements Party, ProviderSocket {
  readonly #connection: Connection;
  readonly #house: House;
  readonly #visitor: Visitor;
  readonly #wires: Wires;
  readonly #places = new Map<string, Place>();
  /** Addresses whose sessions take no more for now. */
  readonly #full = new Set<string>();
  /** Addresses that were refused before there was a place for them. */
  readonly #unknown = new Set<string>();
  #waitingMessages = 0;
  #waitingBytes = 0;
  #isGone = false;

  constructor(connection: Connection, house: House, visitor: Visitor, wires: Wires) {
    this.#connection = connection;
    this.#house = house;
    this.#visitor = visitor;
    this.#wires = wires;
  }

  /** Sessions have wires of their own. */
  get wire(): Wire {
    throw new Error('a socket of many documents is no outlet');
  }

  get bufferedBytes(): number {
    return this.#connection.bufferedBytes;
  }

  get isClosed(): boolean {
    return this.#isGone || this.#connection.isClosed;
  }

  onFrame(frame: Uint8Array): Refused | null {
    const decoded = decodeFrame(frame);
    if (!decoded.ok) return decoded;
    if (decoded.address === null) return null;
    const { address, message } = decoded;
    const place = this.#places.get(address) ?? this.#open(address);
    if (place === null) return null;
    if (message.type === 'auth') {
      this.#authenticate(place, message);
      return null;
    }
    if (message.type === 'leave') {
      this.#forget(place, 1000);
      return null;
    }
    // This dialect has a message of its own for tokens.
    if (message.type === 'token') return refused('unknown-message', 'token');
    if (place.phase === 'waiting' && this.#needsNoToken) {
      // Provider 2 sends no token if it has none.
      this.#authenticate(place, { type: 'auth', token: '', version: null });
    }
    return this.#take(place, message);
  }

  send(frame: Frame): void {
    this.#connection.send(frame);
  }

  onDrain(callback: () => void): void {
    this.#connection.onDrain(callback);
  }

  close(code: ErrorCode, detail?: string): void {
    this.#connection.close(code, detail);
  }

  setReading(address: string, isReading: boolean): void {
    if (isReading) this.#full.delete(address);
    else this.#full.add(address);
    this.#connection.setReading(this.#full.size === 0);
  }

  closed(address: string, code: ErrorCode): void {
    const place = this.#places.get(address);
    if (place === undefined) return;
    this.#leave(place, ERRORS[code].close);
    place.phase = 'denied';
  }

  onClose(closeCode: number): void {
    this.#isGone = true;
    for (const place of this.#places.values()) this.#leave(place, closeCode);
    this.#places.clear();
    this.#house.connections.deleteSocket(this.#connection);
  }

  /** A new address. Null: there are too many, or it is none; the provider has been told. */
  #open(address: string): Place | null {
    const document = parseDocumentName(nameOf(address));
    const isFull = this.#places.size >= DOCUMENTS_MAX;
    if (isFull || document === null) {
      this.#denyUnknown(address, isFull ? 'overloaded' : 'invalid-document-name');
      return null;
    }
    const place: Place = {
      address,
      document,
      phase: 'waiting',
      member: null,
      waiting: [],
      waitingBytes: 0,
      isVersioned: false,
      nextToken: null,
      missed: 0,
    };
    this.#places.set(address, place);
    return place;
  }

  #take(place: Place, message: SessionMessage): Refused | null {
    if (place.phase === 'open') {
      this.#deliver(place, message);
      return null;
    }
    // Once it may come in it is asked for everything it has; all that is needed for that is where it stands.
    if (place.phase === 'denied') {
      if (message.type === 'update') place.missed += 1;
      if (message.type !== 'sync-step-1') return null;
      this.#drop(place);
      place.missed = 0;
    }
    place.waiting.push(message);
    place.waitingBytes += messageBytes(message);
    this.#waitingMessages += 1;
    this.#waitingBytes += messageBytes(message);
    const isOver =
      this.#waitingMessages > WAITING_MESSAGES_MAX || this.#waitingBytes > WAITING_BYTES_MAX;
    if (isOver) this.close('missing-token', 'too much before the answer to a token');
    return null;
  }

  #deliver({ member }: Place, message: SessionMessage): void {
    if (member === null) return;
    for (const part of member.outlet.translate(message)) member.receive(part);
  }

  #authenticate(place: Place, { token, version }: Auth): void {
    if (place.phase === 'open') {
      this.#renew(place, token);
      return;
    }
    place.isVersioned ||= version !== null;
    if (place.phase === 'asking') {
      place.nextToken = token;
      return;
    }
    place.phase = 'asking';
    this.#identify(token).then(
      (identity) => {
        if (this.#places.get(place.address) !== place || this.isClosed) return;
        if (typeof identity === 'string') this.#refuse(place, identity);
        else this.#letIn(place, identity);
      },
      (error: unknown) => {
        this.#house.observer.onError(error);
        this.close('internal');
      },
    );
  }

  /** Let in with the upgrade, or nobody asks. */
  get #needsNoToken(): boolean {
    return this.#visitor.identity !== null || !this.#house.access.isEnforced;
  }

  /** Who that is, or why it is nobody. */
  async #identify(token: string): Promise<Identity | ErrorCode> {
    const { access } = this.#house;
    // Without a token in the message the one of the upgrade counts.
    if (token === '' && this.#visitor.identity !== null) return this.#visitor.identity;
    const result = await access.authenticate(token === '' ? null : token, this.#visitor.caller);
    return result.ok ? result.identity : result.code;
  }

  #letIn(place: Place, identity: Identity): void {
    const { document } = place;
    passFor(this.#house, identity, document, this.#visitor.caller).then(
      (pass) => {
        if (this.#places.get(place.address) !== place || this.isClosed) return;
        if (typeof pass === 'string') this.#refuse(place, pass);
        else this.#enter(place, pass);
      },
      (error: unknown) => {
        this.#house.observer.onError(error);
        this.close('internal');
      },
    );
  }

  #enter(place: Place, pass: Pass | null): void {
    const { address, document, waiting, nextToken } = place;
    const outlet = new HocuspocusOutlet(
      this,
      this.#wires.take(address, place.isVersioned),
      document,
    );
    const member = new Member(this.#connection, outlet, this.#house, {
      ...this.#visitor,
      document,
      pass,
    });
    member.onRenewed = () => {
      this.#sayScope(place);
    };
    place.member = member;
    place.phase = 'open';
    this.#connection.raiseFrameLimit();
    this.#sayScope(place);
    this.#drop(place);
    member.enter();
    for (const message of waiting) this.#deliver(place, message);
    outlet.skip(place.missed);
    place.missed = 0;
    place.nextToken = null;
    if (nextToken !== null && nextToken !== '') this.#renew(place, nextToken);
  }

  /** A token for what is open already, asked for or not. Its session handles what follows it afterwards. */
  #renew(place: Place, token: string): void {
    const { member } = place;
    if (member === null) return;
    if (member.pass === null || token === '') {
      this.#sayScope(place);
      return;
    }
    member.receive({ type: 'token', token });
  }

  #sayScope({ member }: Place): void {
    if (member === null || member.session.isClosed) return;
    const { outlet, session } = member;
    outlet.send(outlet.wire.authenticated(session.canWrite ? 'read-write' : 'readonly'));
  }

  #refuse(place: Place, code: ErrorCode): void {
    if (ERRORS[code].retry === 'backoff') {
      this.close(code);
      return;
    }
    const { waiting } = place;
    this.#drop(place);
    place.phase = 'denied';
    for (const message of waiting) this.#take(place, message);
    this.#deny(place.address, code);
  }

  /** Once: several frames about the document may be on their way. */
  #denyUnknown(address: string, code: ErrorCode): void {
    if (this.#unknown.has(address) || this.#unknown.size >= DOCUMENTS_MAX) return;
    this.#unknown.add(address);
    this.#deny(address, code);
  }

  #deny(address: string, code: ErrorCode): void {
    this.#house.observer.onUpgradeRefused(code);
    const wire = this.#wires.take(address, false);
    this.send(wire.permissionDenied(code));
    this.#wires.release(address, false);
  }

  /** What waits is forgotten. */
  #drop(place: Place): void {
    this.#waitingMessages -= place.waiting.length;
    this.#waitingBytes -= place.waitingBytes;
    place.waiting = [];
    place.waitingBytes = 0;
  }

  #forget(place: Place, closeCode: number): void {
    this.#leave(place, closeCode);
    this.#drop(place);
    this.#places.delete(place.address);
  }

  #leave(place: Place, closeCode: number): void {
    const { member, address } = place;
    if (member === null) return;
    place.member = null;
    this.#wires.release(address, place.isVersioned);
    if (this.#full.delete(address)) this.#connection.setReading(this.#full.size === 0);
    member.leave(closeCode);
  }
}
