/**
 * Signals of applications between nodes: what a client says to everybody in a document (Hocuspocus calls it stateless).
 * Sent once, kept nowhere, lost with the link: whoever needs more than that writes into the document.
 */
import type { FanoutPart, FanoutScene } from './part.ts';

export const SIGNAL_TOPIC = 'signal';

export function signalPart({ exchange, registry }: FanoutScene): FanoutPart {
  return {
    onSignal: ({ name: document }, bytes) => {
      exchange.send({ kind: 'application', document, topic: SIGNAL_TOPIC, bytes });
    },
    onMessage: ({ message }) => {
      if (message.kind !== 'application' || message.topic !== SIGNAL_TOPIC) return;
      // Only where somebody listens.
      if (message.document !== null) registry.find(message.document)?.deliverSignal(message.bytes);
    },
  };
}
