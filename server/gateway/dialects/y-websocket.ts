/**
 * y-websocket 1, 2 and 3 (src/y-websocket.js), `@y/websocket` 4, and our own provider, which adds acks by name (102). One
 * message a frame: 3.1 parses no more. Versions 1 to 3 have no ack; 4 takes the echo of its update for one, and nobody
 * can tell them apart, so all of them get their updates back when these are durable, and never before.
 *
 * A client that never hears anything reconnects after 30 s; sessions are kept alive with an awareness message about nobody.
 * Either side may speak of tokens: the server says when one is about to end, a client sends a new one.
 */
import { AUTH, MESSAGE } from '../../protocol/messages.ts';
import type { Wire } from '../../rooms/outlet.ts';
import { binaryFrame, pushVarUint } from '../frame.ts';
import type { Dialect } from './dialect.ts';
import { baseWire, decode } from './y-protocols.ts';

const NOTHING = new Uint8Array(0);

const wire: Wire = {
  ...baseWire,
  acksByEcho: true,
  expiry: (secondsLeft) => {
    const head: number[] = [MESSAGE.auth, AUTH.expiry];
    pushVarUint(head, secondsLeft);
    return binaryFrame(head, NOTHING);
  },
};

export const yWebsocket: Dialect = { name: 'y-websocket', wire, decode };
