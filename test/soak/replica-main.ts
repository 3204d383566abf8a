import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { startGreeter } from '../support/greeter-server.ts';

/**
 * A replica for the soak, in a process of its own: gRPC, HTTP/1.1 with WebSocket, and TCP, on three ports.
 * `node replica-main.ts GRPC-PORT NAME HTTP-PORT TCP-PORT`. SIGTERM ends it as a rollout does: no new work, what runs is finished.
 */
const [grpcPort, name, httpPort, tcpPort] = process.argv.slice(2);

/** Says who it is, then sends back what comes; the client says when it is over. */
function echo(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  socket.write(`${name}\n`);
  socket.pipe(socket);
}

// A stream of many replies listens for its end with each of them.
EventEmitter.defaultMaxListeners = 100;

const greeter = await startGreeter({ port: Number(grpcPort), name });
const http = createHttpServer((request, response) => {
  response.setHeader('x-replica', name);
  if (request.method === 'GET') response.end(`hello from ${name}`);
  else request.pipe(response);
});
http.on('upgrade', (request, socket: Socket) => {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  upgraded.add(socket);
  socket.once('close', () => upgraded.delete(socket));
  echo(socket);
});
const upgraded = new Set<Socket>();
const tcp = createServer(echo);
http.listen(Number(httpPort), '127.0.0.1');
tcp.listen(Number(tcpPort), '127.0.0.1');
await Promise.all([once(http, 'listening'), once(tcp, 'listening')]);

async function finish(): Promise<void> {
  http.close();
  tcp.close();
  await Promise.all([greeter.stop(), once(http, 'close'), once(tcp, 'close')]);
  await Promise.all([...upgraded].map((socket) => once(socket, 'close')));
  process.exit(0);
}
process.on('SIGTERM', () => void finish());
// Ends with who started it.
process.on('disconnect', () => process.exit(1));
process.send?.('ready');
