/**
 * Presence on its way out of a room: changes of the table are collected and sent to everybody at once. They may
 * wait longer than text: 15 times a second is as often as a cursor needs to move in a full room.
 */
import { FrameCache } from './broadcast.ts';
import { FlushWindow } from './flush-window.ts';
import { PresenceTable, type PresenceLimits, type PresenceResult } from './presence.ts';
import type { NodeOwner, RemoteNews } from './presence-remote.ts';
import type { PresenceEntry } from './relay.ts';
import type { Session } from './session.ts';
import type { TimerHandle, Timers } from './timers.ts';

const WINDOW_MS_MAX = 66;

export class PresenceFeed {
  readonly #table: PresenceTable;
  readonly #timers: Timers;
  readonly #sessions: ReadonlySet<Session>;
  readonly #window = new FlushWindow(WINDOW_MS_MAX);
  #timer: TimerHandle | null = null;
  /** Gets what changed of this node's own clients, with each flush. Set by who tells other nodes. */
  onOwnChanges: ((entries: readonly PresenceEntry[]) => void) | null = null;

  /** `sessions`: the room's own set, read when there is something to send. */
  constructor(limits: PresenceLimits, timers: Timers, sessions: ReadonlySet<Session>) {
    this.#table = new PresenceTable(limits);
    this.#timers = timers;
    this.#sessions = sessions;
  }

  apply(entries: Uint8Array, session: Session): PresenceResult {
    const result = this.#table.apply(entries, session);
    this.#schedule();
    return result;
  }

  leave(session: Session): void {
    this.#table.leave(session);
    this.#schedule();
  }

  /** The clients of this node's own connections. */
  own(): readonly PresenceEntry[] {
    return this.#table.own();
  }

  /** What another node says of its clients; see `PresenceTable`. */
  applyRemote(
    owner: NodeOwner,
    entries: readonly PresenceEntry[],
    isComplete: boolean,
    countMax: number,
  ): RemoteNews {
    const news = this.#table.applyRemote(owner, entries, isComplete, countMax);
    this.#schedule();
    return news;
  }

  leaveNode(owner: NodeOwner): void {
    this.#table.leaveNode(owner);
    this.#schedule();
  }

  /** Everybody who is here, for one who has just come (back). */
  sendAll(session: Session): void {
    const all = this.#table.encodeAll();
    if (all !== null) session.outlet.send(session.outlet.wire.presence(all));
  }

  /** Changes that are due anyway travel with the text they belong to. */
  flushIfDue(): void {
    if (this.#table.hasChanges && this.#window.delayMs(this.#timers.now()) < 1) this.#flush();
  }

  dispose(): void {
    if (this.#timer !== null) this.#timers.clearTimeout(this.#timer);
    this.#timer = null;
  }

  #schedule(): void {
    if (!this.#table.hasChanges) return;
    const nowMs = this.#timers.now();
    this.#window.note(nowMs, this.#sessions.size);
    this.#timer ??= this.#timers.setTimeout(() => {
      this.#timer = null;
      this.#flush();
    }, this.#window.delayMs(nowMs));
  }

  #flush(): void {
    const changes = this.#table.takeChanges();
    if (changes === null) return;
    const frames = new FrameCache((wire) => wire.presence(changes));
    for (const session of this.#sessions) session.deliverPresence(frames.get(session.outlet.wire));
    this.#window.flushed(this.#timers.now());
    if (this.onOwnChanges === null) return;
    const own = this.#table.takeOwnChanges();
    if (own.length > 0) this.onOwnChanges(own);
  }
}
