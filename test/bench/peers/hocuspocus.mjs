// Hocuspocus as its documentation starts it, without extensions: documents live in memory. Prints its URL,
// and ends when its parent's pipe closes.
import { Server } from '@hocuspocus/server';

const server = new Server({ port: 0, address: '127.0.0.1', quiet: true });
await server.listen();
process.stdout.write(`http://127.0.0.1:${server.address.port}\n`);
process.stdin.resume().on('end', () => process.exit(0));
