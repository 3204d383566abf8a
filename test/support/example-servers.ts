import { createHash } from 'node:crypto';
import { createSocket as createUdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { newAuthority } from './certificates.ts';
import { greeterService, type HelloReply } from './protos.ts';

/** A server that an example in `examples/` sends requests to. */
export interface ExampleServer {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Connections accepted so far. */
  readonly connections: number;
  close(): Promise<void>;
}

export interface ExampleWebServer extends ExampleServer {
  /** Whether `/healthz` answers 200; else it answers 503. */
  healthy: boolean;
  /** Requests so far, without those for `/healthz`. */
  readonly requests: number;
}

/**
 * Writes the certificates that `examples/tls.yaml` and `examples/mtls.yaml` name: `ca.pem`, and `server` and `client` as a
 * `.pem` and a `.key`. The server certificate is for localhost and 127.0.0.1.
 */
export function writeExampleCertificates(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const authority = newAuthority('Outrigger examples');
  writeFileSync(join(folder, 'ca.pem'), authority.cert);
  for (const [name, names] of [
    ['server', ['localhost', '127.0.0.1']],
    ['client', ['example-client']],
  ] as const) {
    const { cert, key } = authority.issue(names);
    writeFileSync(join(folder, `${name}.pem`), cert);
    writeFileSync(join(folder, `${name}.key`), key, { mode: 0o600 });
  }
}

/** Starts a web server that answers with its name, reports its health at `/healthz`, and echoes WebSocket messages. */
export async function startExampleWeb(name: string, port = 0): Promise<ExampleWebServer> {
  let requests = 0;
  const server = createHttpServer((request, response) => {
    if (request.url === '/healthz') {
      response.writeHead(web.healthy ? 200 : 503).end();
      return;
    }
    requests++;
    response.end(`${name}\n`);
  });
  server.on('upgrade', (request, socket: Socket) => {
    requests++;
    const key = String(request.headers['sec-websocket-key']);
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on('error', () => {});
    echoWebSocket(socket);
  });
  const bound = await listen(server, port);
  const web: ExampleWebServer = Object.defineProperties(
    { healthy: true },
    { ...Object.getOwnPropertyDescriptors(bound), requests: { get: () => requests } },
  ) as ExampleWebServer;
  return web;
}

/** Starts a TCP server that repeats what it receives. */
export function startExampleEcho(port = 0): Promise<ExampleServer> {
  return listen(
    createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.pipe(socket);
    }),
    port,
  );
}

/** Starts a DNS server, over UDP and TCP on one port, that answers every question with its name as a TXT record. */
export async function startExampleDns(name: string, port = 0): Promise<ExampleServer> {
  const overTcp = await listen(
    createTcpServer((socket) => {
      socket.on('error', () => {});
      // RFC 1035 section 4.2.2: two bytes of length before each message. A query fits in one segment.
      socket.on('data', (query) => {
        const answer = txtAnswer(query.subarray(2), name);
        socket.write(Buffer.concat([Buffer.of(answer.length >> 8, answer.length & 255), answer]));
      });
    }),
    port,
  );
  const overUdp = createUdpSocket('udp4');
  overUdp.on('message', (query, { port: to, address }) => overUdp.send(txtAnswer(query, name), to, address));
  overUdp.bind(Number(overTcp.address.split(':')[1]), '127.0.0.1');
  await once(overUdp, 'listening');
  return Object.defineProperties({} as ExampleServer, {
    ...Object.getOwnPropertyDescriptors(overTcp),
    close: {
      async value() {
        await new Promise<void>((resolve) => void overUdp.close(resolve));
        await overTcp.close();
      },
    },
  });
}

/** The answer to a query with one question: its id, the question, and one TXT record that lives for no time. */
function txtAnswer(query: Buffer, text: string): Buffer {
  const questionEnd = query.indexOf(0, 12) + 5;
  const head = Buffer.from([query[0], query[1], 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
  const record = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, text.length + 1, text.length]);
  return Buffer.concat([head, query.subarray(12, questionEnd), record, Buffer.from(text)]);
}

export interface TlsFrontOptions {
  /** Where `writeExampleCertificates` wrote. */
  readonly certs: { readonly cert: Buffer; readonly key: Buffer; readonly ca: Buffer };
  /** Refuses clients without a certificate of the authority. */
  readonly requiresClientCert: boolean;
  readonly port?: number;
}

/** Starts a TLS server that forwards what it decrypts to a plaintext port of this machine. */
export function startExampleTls(
  plaintextPort: number,
  { certs, requiresClientCert, port = 0 }: TlsFrontOptions,
): Promise<ExampleServer> {
  const server = createTlsServer(
    {
      ...certs,
      requestCert: requiresClientCert,
      rejectUnauthorized: requiresClientCert,
      ALPNProtocols: ['h2'],
    },
    (socket) => {
      const inner = connect(plaintextPort, '127.0.0.1');
      socket.on('error', () => inner.destroy()).on('close', () => inner.destroy());
      inner.on('error', () => socket.destroy()).on('close', () => socket.destroy());
      socket.pipe(inner).pipe(socket);
    },
  );
  return listen(server, port);
}

/** A client over TLS that makes one call at a time. */
export interface TlsClient {
  /** Resolves with the status of the call. */
  sayHello(): Promise<number>;
  close(): void;
}

/** Connects to a target whose certificate is for localhost. */
export function tlsClient(target: string, credentials: grpc.ChannelCredentials): TlsClient {
  const client = new grpc.Client(target, credentials, {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.ssl_target_name_override': 'localhost',
  });
  const { path, requestSerialize, responseDeserialize } = greeterService.SayHello;
  return {
    sayHello: () =>
      new Promise((resolve) => {
        client.makeUnaryRequest<object, HelloReply>(
          path,
          requestSerialize as (value: object) => Buffer,
          responseDeserialize as (bytes: Buffer) => HelloReply,
          { name: 'x' },
          (error) => resolve(error?.code ?? grpc.status.OK),
        );
      }),
    close: () => client.close(),
  };
}

async function listen(server: Server, port: number): Promise<ExampleServer> {
  let connections = 0;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** RFC 6455, section 5.2: opcodes, and the longest payload whose length is in the second byte. */
const Opcode = { Close: 0x8 } as const;
const payloadBytesMax = 125;

/** Answers each frame of a client with the same payload; ends the connection at a close frame or a longer one. */
function echoWebSocket(socket: Socket): void {
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 6) {
      const length = received[1] & 0x7f;
      if (length > payloadBytesMax) return void socket.destroy();
      if (received.length < 6 + length) return;
      const mask = received.subarray(2, 6);
      const payload = Buffer.from(received.subarray(6, 6 + length).map((byte, i) => byte ^ mask[i % 4]));
      socket.write(Buffer.concat([Buffer.of(received[0], length), payload]));
      if ((received[0] & 0x0f) === Opcode.Close) return void socket.end();
      received = received.subarray(6 + length);
    }
  });
}
