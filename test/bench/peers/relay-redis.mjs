// No server but a measure for servers: passes every update on as it came, to its own sockets and over Redis to the other
// node's. It checks, merges, stores and acks nothing, and who joins later gets nothing: what is left is what WebSockets
// and Redis cost in Node. Prints its URL, and ends when its parent's pipe closes.
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import { WebSocketServer } from 'ws';

const CHANNEL = 'relay';
const SYNC = 0;
const STEP1 = 0;
const UPDATE = 2;
const EMPTY_STEP2 = Buffer.from([SYNC, 1, 2, 0, 0]);
const EMPTY_STEP1 = Buffer.from([SYNC, STEP1, 1, 0]);

const publisher = new Redis(process.env.REDIS_URL);
const subscriber = new Redis(process.env.REDIS_URL);
const rooms = new Map();

// Sender (4 bytes), length of the room's name, name, frame.
subscriber.on('messageBuffer', (_channel, message) => {
  if (message.readUInt32LE(0) === process.pid) return;
  const nameEnd = 5 + message[4];
  const frame = message.subarray(nameEnd);
  for (const socket of rooms.get(message.toString('latin1', 5, nameEnd)) ?? []) socket.send(frame);
});
await subscriber.subscribe(CHANNEL);

const http = createServer();
new WebSocketServer({ server: http, perMessageDeflate: false }).on('connection', (socket, { url }) => {
  const name = url.split('?')[0];
  const head = Buffer.alloc(5 + name.length);
  head.writeUInt32LE(process.pid, 0);
  head[4] = name.length;
  head.write(name, 5, 'latin1');
  const room = rooms.get(name) ?? new Set();
  rooms.set(name, room.add(socket));
  socket.on('close', () => room.delete(socket));
  socket.on('message', (frame) => {
    if (frame[0] !== SYNC) return;
    if (frame[1] === STEP1) {
      socket.send(EMPTY_STEP2);
      socket.send(EMPTY_STEP1);
    } else if (frame[1] === UPDATE) {
      for (const other of room) if (other !== socket) other.send(frame);
      publisher.publish(CHANNEL, Buffer.concat([head, frame]));
    }
  });
});
http.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${http.address().port}\n`);
});
process.stdin.resume().on('end', () => process.exit(0));
