import { describe, expect, it } from 'vitest';
import { TRANSPORT_TIMING, TransportChoice } from '../../../client/transport-choice.ts';

const auto = (): TransportChoice => new TransportChoice('auto', TRANSPORT_TIMING);

describe('TransportChoice', () => {
  it('begins with WebSockets, and is not put off by one failure', () => {
    const choice = auto();
    expect(choice.next).toBe('websocket');
    choice.webSocketFailed();
    expect(choice.isWebSocketDoubtful).toBe(false);
    choice.webSocketFailed();
    expect(choice.isWebSocketDoubtful).toBe(true);
    expect(choice.next).toBe('events');
  });

  it('does not wait for a second WebSocket that swallows everything', () => {
    const choice = auto();
    choice.webSocketSilent();
    expect(choice.next).toBe('events');
  });

  it('goes back to WebSockets when events fail as well: it is the server that is away', () => {
    const choice = auto();
    choice.webSocketFailed();
    choice.webSocketFailed();
    choice.eventsFailed();
    expect(choice.next).toBe('websocket');
    choice.webSocketFailed();
    expect(choice.isWebSocketDoubtful).toBe(true);
  });

  it('stays on events, connection after connection, until a probe has held', () => {
    const choice = auto();
    choice.webSocketSilent();
    choice.eventsOpened();
    expect(choice.next).toBe('events');
    choice.probeFailed();
    expect(choice.next).toBe('events');
    choice.probeHeld();
    expect(choice.next).toBe('websocket');
  });

  it('after a probe one failure is enough, and the next probe comes later and takes longer', () => {
    const choice = auto();
    choice.webSocketSilent();
    choice.eventsOpened();
    const before = { delayMs: choice.probeDelayMs(0.5), proofMs: choice.proofMs };
    choice.probeHeld();
    choice.webSocketFailed();
    expect(choice.next).toBe('events');
    expect(choice.probeDelayMs(0.5)).toBe(before.delayMs * 2);
    expect(choice.proofMs).toBe(before.proofMs * 2);
    choice.probeHeld();
    choice.webSocketLasted();
    expect(choice).toMatchObject({ next: 'websocket', proofMs: before.proofMs });
  });

  it('probes and proves no longer than the most that it is told', () => {
    const choice = auto();
    choice.webSocketSilent();
    for (let index = 0; index < 40; index++) {
      choice.probeHeld();
      choice.webSocketFailed();
    }
    expect(choice.probeDelayMs(0.999)).toBeLessThanOrEqual(TRANSPORT_TIMING.probeDelayMsMax);
    expect(choice.proofMs).toBe(TRANSPORT_TIMING.proofMsMax);
  });

  it.each(['websocket', 'events'] as const)('told to use %s, uses nothing else', (option) => {
    const choice = new TransportChoice(option, TRANSPORT_TIMING);
    choice.webSocketSilent();
    choice.webSocketFailed();
    choice.eventsOpened();
    choice.eventsFailed();
    expect(choice).toMatchObject({ next: option, mayChange: false, isWebSocketDoubtful: false });
  });
});
