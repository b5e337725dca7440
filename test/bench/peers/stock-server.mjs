// Runs an unmodified y-websocket server (`node stock-server.mjs <its bin file>`) on a free port and prints
// its URL: the server itself would print the port that it was told, 0. Ends when its parent's pipe closes.
import http from 'node:http';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

process.env.HOST = '127.0.0.1';
process.env.PORT = '0';
const { createServer } = http;
http.createServer = (...args) => {
  const server = createServer(...args);
  server.on('listening', () => {
    process.stdout.write(`http://127.0.0.1:${server.address().port}\n`);
  });
  return server;
};
process.stdin.resume().on('end', () => process.exit(0));
await import(pathToFileURL(resolve(process.argv[2])).href);
