/**
 * Who tells webhooks. Every node that does says so, and then each tells of what was written on it: a change is told
 * once, by the node that took it, which remembers it on disk until it was taken. What comes from a node that tells
 * nobody is told by whoever learns it.
 *
 * A node that is lost may take with it what it was about to tell. Those who are left tell of what it had sent lately, each
 * of a share of the documents: at least once, then. One that was only cut off tells the same when it is back.
 */
import type { ChangeKind, DocumentChange } from '../../persistence/store.ts';
import type { DocumentName } from '../protocol/document-name.ts';
import { hashOf } from './bus.ts';
import type { FanoutPart, FanoutScene, MakePart } from './part.ts';

export const TELLER_TOPIC = 'syncline/webhooks';
/** Ticks, of about a second. */
const SAID_EVERY = 5;
const NODES_MAX = 1_024;
/** Longer than a lease and the longest that a change is collected for: what is older was told, if its receiver took it. */
const LATELY_MS = 60_000;
const LATELY_MAX = 20_000;

interface Late {
  readonly kind: ChangeKind;
  readonly atMs: number;
}

/** `isTelling`: this node has a WEBHOOK_URL. */
export function tellersPart(isTelling: boolean): MakePart {
  return (scene) => partOf(scene, isTelling);
}

function partOf(scene: FanoutScene, isTelling: boolean): FanoutPart {
  const { exchange, store, timers } = scene;
  const tellers = new Set<string>();
  /** By node: what it will have told of. In order of time. */
  const lately = new Map<string, Map<DocumentName, Late>>();
  let ticks = 0;

  function say(): void {
    const bytes = new Uint8Array(0);
    if (isTelling)
      exchange.send({ kind: 'application', document: null, topic: TELLER_TOPIC, bytes });
  }

  function note(node: string, document: DocumentName, kind: ChangeKind): void {
    if (!isTelling || !tellers.has(node)) return;
    let changes = lately.get(node);
    if (changes === undefined) lately.set(node, (changes = new Map()));
    const before = changes.get(document)?.kind;
    changes.delete(document);
    changes.set(document, {
      kind: before === 'created' && kind === 'changed' ? before : kind,
      atMs: timers.now(),
    });
    const oldest = changes.keys().next().value;
    if (changes.size > LATELY_MAX && oldest !== undefined) changes.delete(oldest);
  }

  /** The one of those who are left that the document falls to: the same on all of them, if they see the same. */
  function isMine(document: DocumentName): boolean {
    const self = exchange.self.node;
    const left = scene.peers().filter(({ node }) => tellers.has(node));
    const best = [self, ...left.map(({ node }) => node)]
      .map((node) => [hashOf(`${document} ${node}`), node] as const)
      .toSorted(([a, nodeA], [b, nodeB]) => a - b || (nodeA < nodeB ? -1 : 1))[0];
    return best?.[1] === self;
  }

  function takeOver(node: string): void {
    const nowMs = timers.now();
    const changes: DocumentChange[] = [...(lately.get(node) ?? [])]
      .filter(([document, { atMs }]) => nowMs - atMs < LATELY_MS && isMine(document))
      .map(([name, { kind }]) => ({ kind, name }));
    lately.delete(node);
    if (changes.length === 0) return;
    store.changes.note(changes).catch((error: unknown) => {
      scene.report({ type: 'failed', doing: 'telling what a lost node was to tell', error });
    });
  }

  return {
    onMessage: ({ origin, message }) => {
      if (message.kind === 'application' && message.topic === TELLER_TOPIC) {
        if (tellers.size < NODES_MAX) tellers.add(origin);
      } else if (message.kind === 'tombstone') note(origin, message.document, 'deleted');
    },
    onTaken: ({ origin }, { name }, storeSeq) => {
      note(origin, name, storeSeq === 0 ? 'created' : 'changed');
    },
    onPeer: ({ node }, change) => {
      if (change === 'joined' || change === 'restarted') say();
      if (change === 'lost') takeOver(node);
      if (change !== 'joined') tellers.delete(node);
      // Who leaves in order has told, or remembers what it has still to tell.
      if (change === 'left') lately.delete(node);
    },
    tells: (node) => tellers.has(node),
    tick: () => {
      if (ticks % SAID_EVERY === 0) say();
      ticks += 1;
      const nowMs = timers.now();
      for (const changes of lately.values()) {
        for (const [document, { atMs }] of changes) {
          if (nowMs - atMs < LATELY_MS) break;
          changes.delete(document);
        }
      }
    },
  };
}
