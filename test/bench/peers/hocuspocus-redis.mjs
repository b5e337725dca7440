// One of several Hocuspocus nodes over Redis, as the documentation of its Redis extension starts it. Prints its URL,
// and ends when its parent's pipe closes.
import { Redis } from '@hocuspocus/extension-redis';
import { Server } from '@hocuspocus/server';

const { hostname: host, port } = new URL(process.env.REDIS_URL);
const server = new Server({
  port: 0,
  address: '127.0.0.1',
  quiet: true,
  extensions: [new Redis({ host, port: Number(port) })],
});
await server.listen();
process.stdout.write(`http://127.0.0.1:${server.address.port}\n`);
process.stdin.resume().on('end', () => process.exit(0));
