/**
 * One document, one client of each family at once, unmodified: what one of them writes, deletes, takes back or points
 * at, all others have.
 */
import { describe, expect, it } from 'vitest';
import { startNode } from '../../support/in-process-node.ts';
import { openClient } from '../../support/families.ts';
import { FAMILIES, type FamilyClient } from '../../support/family-client.ts';
import { waitUntil } from '../../support/wait-until.ts';

const words = (text: string): number => text.split(' ').length - 1;

async function everybody(): Promise<{
  clients: readonly FamilyClient[];
  converged: (what: string, text?: () => string) => Promise<void>;
}> {
  const { webSocketUrl } = await startNode();
  const clients = FAMILIES.map((family) => openClient(family, webSocketUrl, 'notes'));
  await waitUntil('everybody is there', () => clients.every((client) => client.isSynced));
  return {
    clients,
    converged: async (what, text = () => clients[0]?.text ?? '') => {
      await waitUntil(what, () => clients.every((client) => client.text === text()));
    },
  };
}

describe('one document, one client of each family', () => {
  it('[I2] [I10] text, deletions and undo reach all others, from each of them', async () => {
    const { clients, converged } = await everybody();
    let expected = '';
    for (const client of clients) {
      client.insert(0, `${client.family}; `);
      expected = `${client.family}; ${expected}`;
      await converged(`the text of ${client.family}`, () => expected);
      client.insert(0, 'mistake ');
      await converged(`a mistake of ${client.family}`, () => `mistake ${expected}`);
      client.undo();
      await converged(`which ${client.family} takes back`, () => expected);
    }
    for (const client of clients) {
      // Of somebody else's text: the first letter of what is there.
      client.delete(0, 1);
      expected = expected.slice(1);
      await converged(`a deletion by ${client.family}`, () => expected);
    }
    expect(clients.map(({ sockets }) => sockets.opened)).toEqual(clients.map(() => 1));
  });

  it('[I2] all at once', async () => {
    const { clients, converged } = await everybody();
    for (let round = 0; round < 20; round += 1) {
      for (const client of clients) client.insert(client.text.length, `${round} `);
      // Some of them in one flush, some in the next.
      await new Promise((resolve) => setTimeout(resolve, round % 3));
    }
    await waitUntil('all words', () =>
      clients.every(({ text }) => words(text) === 20 * clients.length),
    );
    await converged('and the same');
  });

  it('[I9] presence: everybody sees everybody, and who leaves is gone for all', async () => {
    const { clients } = await everybody();
    for (const client of clients) client.point(client.family);
    const all = FAMILIES.toSorted();
    await waitUntil('everybody sees everybody', () =>
      clients.every(({ people }) => people.join() === all.join()),
    );
    for (const [index, client] of clients.entries()) {
      const others = clients.slice(index + 1);
      client.destroy();
      await waitUntil(`${client.family} has left`, () =>
        others.every(({ people }) => !people.includes(client.family)),
      );
    }
  });

  it('[I2] offline edits and deletions of each come along when it comes back', async () => {
    const { clients, converged } = await everybody();
    clients[0]?.insert(0, 'abcdefghijklmnop');
    await converged('a text', () => 'abcdefghijklmnop');
    for (const client of clients) client.disconnect();
    for (const client of clients) {
      client.delete(0, 1);
      for (const letter of 'offline') client.insert(client.text.length, letter);
    }
    await waitUntil('everybody is away', () =>
      clients.every(({ sockets }) => sockets.closes.length > 0),
    );
    for (const client of clients) client.connect();
    await waitUntil('everybody is back', () => clients.every((client) => client.isSynced), 20_000);
    await waitUntil('everything offline', () =>
      clients.every(({ text }) => text.length === 15 + 7 * clients.length),
    );
    await converged('and the same');
  });
});
