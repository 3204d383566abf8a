import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a replica was sent. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  /** The request asked for a WebSocket. */
  readonly upgrade: boolean;
}

export interface HeaderServer {
  readonly address: string;
  /** In order of arrival. */
  readonly seen: SeenRequest[];
  close(): Promise<void>;
}

/** A replica that speaks HTTP/1.1, answers with `ok` and a trailer `x-sum`, accepts WebSockets, and keeps what it was sent. */
export async function startHeaderServer(reply: Readonly<Record<string, string>> = {}): Promise<HeaderServer> {
  const seen: SeenRequest[] = [];
  const note = ({ method = '', url = '', headers }: http.IncomingMessage, upgrade: boolean) =>
    void seen.push({ method, url, headers, upgrade });
  const server = http.createServer((request, response) => {
    note(request, false);
    response.writeHead(200, { trailer: 'x-sum', ...reply });
    response.addTrailers({ 'x-sum': '1' });
    response.end('ok');
  });
  server.on('upgrade', (request, socket) => {
    note(request, true);
    socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Asks for a WebSocket; resolves with the headers of its reply once the connection is over. */
export function askForWebSocket(
  target: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<http.IncomingHttpHeaders> {
  const [host, port] = target.split(':');
  return new Promise((resolve, reject) => {
    const request = http.get({
      host,
      port,
      path: '/chat',
      agent: false,
      headers: {
        connection: 'upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        ...headers,
      },
    });
    request.on('upgrade', ({ headers: replyHeaders }, socket) => {
      socket.resume().end();
      socket.once('close', () => resolve(replyHeaders));
    });
    request.on('response', ({ statusCode }) => reject(new Error(`declined with ${statusCode}`)));
    request.on('error', reject);
  });
}
