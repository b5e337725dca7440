/** One command to a Redis on loopback, past all proxies. */
import { connect } from 'node:net';
import { encodeStrings } from '../proxies/resp.ts';

const TIMEOUT_MS = 3_000;

/** The first reply as it came, `-ERR …` included. @throws when nothing came */
export async function redisCommand(port: number, ...words: readonly string[]): Promise<string> {
  return await new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setTimeout(TIMEOUT_MS, () => {
      socket.destroy(new Error(`Redis did not answer ${words.join(' ')}`));
    });
    socket.on('error', reject);
    socket.on('data', (data: Buffer) => {
      answer += data.toString('latin1');
      const end = answer.indexOf('\r\n');
      if (end === -1) return;
      // A long string: its first line only says how long.
      const length = answer.startsWith('$') ? Number(answer.slice(1, end)) : 0;
      if (answer.length < end + 2 + length) return;
      socket.destroy();
      resolve(answer.startsWith('$') ? answer.slice(end + 2, end + 2 + length) : answer.trimEnd());
    });
    socket.write(
      encodeStrings(
        '*',
        words.map((word) => Buffer.from(word)),
      ),
    );
  });
}
