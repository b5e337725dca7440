/**
 * What other nodes say of a document unasked: updates, and whatever else is a link of its chain. A link that is missing
 * is asked for; an update goes to the inbox, and what has become of it is told to the parts.
 */
import type { Room } from '../rooms/room.ts';
import type { Tracing } from '../rooms/tracing.ts';
import type { AntiEntropy } from './anti-entropy.ts';
import { documentChannel } from './bus.ts';
import type { Chains } from './chains.ts';
import type { Exchange, Received } from './exchange.ts';
import type { Inbox, Outcome } from './inbox.ts';
import type { ApplicationMessage } from './messages.ts';
import type { News } from './news.ts';
import type { FanoutPart } from './part.ts';
import type { Peers } from './peers.ts';
import { BEHIND_TOPIC } from './sweep.ts';
import { arriving, settled, type ReceivedUpdate } from './traces.ts';

const NOTHING: Uint8Array = new Uint8Array(0);

export interface ArrivalsScene {
  readonly exchange: Exchange;
  readonly chains: Chains;
  readonly peers: Peers;
  readonly inbox: Inbox;
  readonly antiEntropy: AntiEntropy;
  readonly news: News;
  readonly parts: () => readonly FanoutPart[];
  readonly tracing: Tracing | null;
}

export class Arrivals {
  readonly #scene: ArrivalsScene;

  constructor(scene: ArrivalsScene) {
    this.#scene = scene;
  }

  onUpdate(received: ReceivedUpdate): void {
    const { chains, antiEntropy, inbox, news, parts, tracing } = this.#scene;
    const { origin, epoch, seq, message } = received;
    const { document, previousSeq, update } = message;
    const isBroken = chains.note(origin, epoch, document, { previousSeq, seq });
    if (isBroken) antiEntropy.want(document, origin, 'gap');
    let wasEarly = false;
    // While it waits it must not hold the bytes that it came in, which may be those of many. [I6]
    const taken = { ...received, message: { ...message, update: NOTHING } };
    const trace = arriving(tracing, received);
    const onSettled = (outcome: Outcome, room: Room | null, storeSeq: number): void => {
      settled(trace, outcome);
      if ((outcome === 'accepted' || outcome === 'redundant') && room !== null) {
        for (const part of parts()) part.onTaken?.(taken, room, storeSeq, trace);
      } else if (outcome === 'early') {
        if (!wasEarly) antiEntropy.want(document, origin, 'verdict');
        wasEarly = true;
      } else if (outcome === 'dropped') antiEntropy.want(document, origin, 'dropped');
      else if (outcome === 'deleted') news.deleted(document);
    };
    inbox.put({ document, update, origin, trace, onSettled });
  }

  /** It may be a link of its document's chain: then nothing before it is missing if nothing of the channel is. */
  onApplication({
    origin,
    epoch,
    seq,
    message,
  }: Received & { readonly message: ApplicationMessage }): void {
    const { exchange, chains, peers } = this.#scene;
    const { document, topic } = message;
    if (document === null) {
      if (topic === BEHIND_TOPIC) peers.sayBehind(origin);
      return;
    }
    if (exchange.tracker.lacks(origin, epoch, documentChannel(document), seq)) return;
    chains.covered(origin, epoch, document, seq);
  }
}
