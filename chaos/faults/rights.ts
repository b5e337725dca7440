/** What happens to the rights of editors, who go on typing: a token ends, or is revoked. What the nodes make of it is K18's. */
import { mono } from '../engine/clock.ts';
import type { Run } from '../engine/run.ts';
import type { Seat } from '../stage/seat.ts';
import type { Fault } from './fault.ts';

/** What was taken away is not given back. */
async function heal(): Promise<void> {
  await Promise.resolve();
}

export function tokenEnds(run: Run, session: string, lifetimeMs: number): Fault {
  let endMono = Infinity;
  return {
    id: 'access-end',
    name: `the token of ${session} ends within ${lifetimeMs} ms`,
    scope: 'client',
    targets: [session],
    inject: async () => {
      await run.order({ do: 'offline', sessions: [session] });
      const token = run.rights.shortToken(session, lifetimeMs);
      endMono = token.endMono;
      await run.order({ do: 'token', session, token: token.text });
      await run.order({ do: 'online', sessions: [session] });
    },
    heal,
    prove: () => {
      const sinceMs = Math.round(mono() - endMono);
      return sinceMs > 0 ? `it ended ${sinceMs} ms ago` : null;
    },
  };
}

/** `seat`: another one than its own, so that nodes must tell each other. */
export function revoked(run: Run, session: string, seat: Seat): Fault {
  let status = 0;
  return {
    id: 'access-revoked',
    name: `${session} is revoked on ${seat.id}`,
    scope: 'client',
    targets: [session],
    inject: async () => {
      const { url, token } = run.addressOf(seat);
      const response = await fetch(`${url}/v1/revocations`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ subject: session }),
      });
      status = response.status;
      if (response.ok) run.recorder.record('driver', { f: 'token', type: 'revoked', session });
    },
    heal,
    prove: () => (status === 201 ? `${seat.id} answered ${status}` : null),
  };
}
