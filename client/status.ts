/**
 * What "saved" means, as a pure state machine: no socket, no clock, no document. The provider feeds it
 * events and shows its summary.
 *
 *                 opened              joined
 *      offline ───────────► joining ──────────┬── nothing unsaved ──► saved ◄──┐
 *         ▲                    │              │                        │       │ acked,
 *         │                    │              └── something unsaved    │edited │ nothing left
 *         │                    │                         │             ▼       │
 *         │                    │                         └─────────► saving ───┘
 *         │                    │                                       │
 *         └──────── lost ──────┴──────────────── lost ─────────────────┘
 *
 *      any ── refused (close code 4400–4499) ──► closed ── opened (the application reconnected) ──► joining
 *
 * Changes are counted, not flagged. `localVersion` grows by one with every change that this replica sends;
 * `reportedVersion` is the highest that was put to the server on the present connection (SyncStatus 102),
 * `ackedVersion` the highest that it confirmed as durable on any. A server may answer with an older version
 * while its storage is slow, so acks only ever raise it; an ack beyond what was reported is no ack.
 *
 * Joined means: our SyncStep2 is out, so that everything made offline is on its way. Before that nothing is
 * reported, because a server that echoed at once would confirm edits it has not received.
 */

export type SavePhase = 'offline' | 'joining' | 'saving' | 'saved' | 'closed';

export type SaveEvent =
  /** A change was made that the server does not have from anybody else. */
  | { readonly type: 'edited' }
  /** A socket opened. */
  | { readonly type: 'opened' }
  /** Our SyncStep2 was sent on it. */
  | { readonly type: 'joined' }
  /** `localVersion` was put to the server. */
  | { readonly type: 'reported' }
  /** The server says that everything up to `version` is durable. */
  | { readonly type: 'acked'; readonly version: number }
  /** The socket is gone; another one may come. */
  | { readonly type: 'lost' }
  /** The server closed for good. */
  | { readonly type: 'refused' };

export interface SaveProgress {
  readonly phase: SavePhase;
  readonly localVersion: number;
  readonly reportedVersion: number;
  readonly ackedVersion: number;
  readonly hasServerAcked: boolean;
}

/** What applications see. */
export interface SaveStatus {
  /**
   * `saved`: connected, and every change made here is durable on the server. `saving`: connected, and some
   * are not yet. `offline`: not connected, or the documents have not been exchanged yet.
   */
  readonly state: 'saved' | 'saving' | 'offline';
  /** Changes (Yjs updates) made here that no server has confirmed; what the document held at first is one. */
  readonly unsavedChanges: number;
  readonly hasUnsavedChanges: boolean;
  /**
   * Whether this server has ever confirmed anything. Servers without durable acks never do (a plain
   * y-websocket server ignores SyncStatus): `state` then stays `saving` after the first change, since nobody
   * knows better, and `whenSaved()` does not resolve.
   */
  readonly hasServerAcked: boolean;
}

/** `joined` stands for "saved or saving, as the counters say". */
const NEXT: Readonly<Record<SavePhase, Readonly<Record<SaveEvent['type'], SavePhase | 'joined'>>>> =
  {
    offline: {
      edited: 'offline',
      opened: 'joining',
      joined: 'offline',
      reported: 'offline',
      acked: 'offline',
      lost: 'offline',
      refused: 'closed',
    },
    joining: {
      edited: 'joining',
      opened: 'joining',
      joined: 'joined',
      reported: 'joining',
      acked: 'joining',
      lost: 'offline',
      refused: 'closed',
    },
    saving: {
      edited: 'joined',
      opened: 'joining',
      joined: 'joined',
      reported: 'joined',
      acked: 'joined',
      lost: 'offline',
      refused: 'closed',
    },
    saved: {
      edited: 'joined',
      opened: 'joining',
      joined: 'joined',
      reported: 'joined',
      acked: 'joined',
      lost: 'offline',
      refused: 'closed',
    },
    closed: {
      edited: 'closed',
      opened: 'joining',
      joined: 'closed',
      reported: 'closed',
      acked: 'closed',
      lost: 'closed',
      refused: 'closed',
    },
  };

/** The state before any connection. `unsaved`: changes that the document holds already and no server has confirmed. */
export function initialProgress(unsaved: number): SaveProgress {
  return {
    phase: 'offline',
    localVersion: unsaved,
    reportedVersion: 0,
    ackedVersion: 0,
    hasServerAcked: false,
  };
}

export function advance(progress: SaveProgress, event: SaveEvent): SaveProgress {
  const counted = count(progress, event);
  const next = NEXT[progress.phase][event.type];
  if (next !== 'joined') return { ...counted, phase: next };
  return { ...counted, phase: unsavedChanges(counted) === 0 ? 'saved' : 'saving' };
}

export function isJoined(progress: SaveProgress): boolean {
  return progress.phase === 'saving' || progress.phase === 'saved';
}

export function summarize(progress: SaveProgress): SaveStatus {
  const unsaved = unsavedChanges(progress);
  return {
    state: progress.phase === 'saving' || progress.phase === 'saved' ? progress.phase : 'offline',
    unsavedChanges: unsaved,
    hasUnsavedChanges: unsaved > 0,
    hasServerAcked: progress.hasServerAcked,
  };
}

function unsavedChanges(progress: SaveProgress): number {
  return progress.localVersion - progress.ackedVersion;
}

function count(progress: SaveProgress, event: SaveEvent): SaveProgress {
  switch (event.type) {
    case 'edited':
      return { ...progress, localVersion: progress.localVersion + 1 };
    case 'opened':
      // What an earlier connection was told proves nothing about this one.
      return { ...progress, reportedVersion: 0 };
    case 'reported':
      return isJoined(progress)
        ? { ...progress, reportedVersion: progress.localVersion }
        : progress;
    case 'acked':
      if (!isJoined(progress) || event.version > progress.reportedVersion) return progress;
      return {
        ...progress,
        ackedVersion: Math.max(progress.ackedVersion, event.version),
        hasServerAcked: true,
      };
    case 'joined':
    case 'lost':
    case 'refused':
    default:
      return progress;
  }
}
