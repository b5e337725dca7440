/** Table J over sockets: the same tokens in the ways that a socket can carry them. */
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../persistence/memory-store.ts';
import { ERRORS } from '../../../server/protocol/errors.ts';
import { startNode } from '../../support/in-process-node.ts';
import { knock, type Carrier } from '../../support/knock.ts';
import { DOCUMENT, TOKEN_CASES } from '../../support/token-cases.ts';

/** Node reads no more of a header than this. */
const HEADER_BYTES_MAX = 16 * 1024;

async function startWith(config: (typeof TOKEN_CASES)[number]['config']): Promise<string> {
  const { webSocketUrl } = await startNode(config, {
    createStore: (observer) => new MemoryStore({ observer }),
  });
  return webSocketUrl;
}

describe('table J over sockets', () => {
  it.each(TOKEN_CASES.map((row) => [row.name, row] as const))('%s', async (_name, row) => {
    const url = await startWith(row.config);
    for (const carrier of ['query', 'header', 'subprotocol'] satisfies Carrier[]) {
      const token = row.token();
      // What is no HTTP token never gets as far as a subprotocol.
      if (carrier === 'subprotocol' && (token === null || !/^[\w.~-]+$/.test(token))) continue;
      if ((token?.length ?? 0) > HEADER_BYTES_MAX - 1024) continue;
      const outcome = await knock(url, DOCUMENT, { token, carrier });
      if (row.socket === null) expect(outcome.kind, carrier).toBe('in');
      else {
        const { close } = ERRORS[row.socket];
        expect(outcome, carrier).toEqual({ kind: 'closed', code: close, reason: row.socket });
      }
    }
  });

  it.each(['query', 'header'] satisfies Carrier[])(
    'J16 a token of 1 MB by %s is stopped by the HTTP server',
    async (carrier) => {
      const url = await startWith({ jwtSecret: 'kX2v9Qm4Zr7Lw1Tn8Yc3Hf6Jd0Bs5Gp-test-only' });
      const outcome = await knock(url, DOCUMENT, { token: 'x'.repeat(1_000_000), carrier });
      expect(outcome.kind === 'http' && [414, 431].includes(outcome.status)).toBe(true);
    },
  );
});
