import net from 'node:net';
import { connectFrames, type FramePeer, Type } from '../support/frame-peer.ts';
import { grpcHead, grpcMessage, type RawClient } from '../support/raw-http2.ts';
import type { Sidecar } from '../support/sidecar.ts';
import type { Replica } from './blame-rig.ts';

/** What clients do, over HTTP/2, HTTP/1.1, WebSocket and TCP; and what is asked of replicas that are broken. */

/** Sends bytes to a port, and resolves with all that came back once the connection is over; `leave` closes it at once. */
export function raw(
  target: string,
  bytes: string,
  leave: 'stay' | 'half' | 'reset' = 'half',
): Promise<string> {
  const [host, port] = target.split(':');
  return new Promise((resolve) => {
    const socket = net.connect({ host, port: Number(port), allowHalfOpen: true });
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (leave === 'stay') socket.destroy();
    });
    socket.on('end', () => socket.destroy());
    socket.on('close', () => resolve(text));
    socket.write(bytes, 'latin1', () => {
      if (leave === 'half') socket.end();
      if (leave === 'reset') setImmediate(() => socket.resetAndDestroy());
    });
  });
}

/** One request in frames of our own, for heads that node's client does not send. Resolves once its stream is over. */
export async function frames(
  target: string,
  fields: ReadonlyArray<readonly [string, string]>,
  body: Uint8Array | null = null,
): Promise<void> {
  const peer: FramePeer = await connectFrames(target);
  await new Promise<void>((resolve) => {
    peer.socket.on('close', () => resolve());
    peer.onFrame = ({ type, streamId, flags }) => {
      const over = type === Type.Rst || ((type === Type.Headers || type === Type.Data) && (flags & 1) === 1);
      if (streamId === 1 && over) resolve();
    };
    peer.headers(1, fields, body === null);
    if (body !== null) peer.data(1, body, true);
  });
  peer.socket.destroy();
}

export interface Setup {
  readonly proxy: Sidecar;
  readonly client: RawClient;
  /** Two for each protocol. */
  readonly replicas: Record<'web2' | 'web1' | 'tcp', Replica[]>;
}

const many = Array.from({ length: 300 }, (_, i) => [`x-many-${i}`, 'v'] as const);
const large = Array.from({ length: 20 }, (_, i) => [`x-large-${i}`, 'v'.repeat(1000)] as const);
const lines = (fields: ReadonlyArray<readonly [string, string]>) =>
  fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');

const grpc = ({ client }: Setup, head: Record<string, string>, body = grpcMessage(Buffer.alloc(3))) =>
  client.request(grpcHead('/web2.Svc/Do', head), body);
const web = ({ client }: Setup, to: string, head: Record<string, string>) =>
  client.request({ ':method': 'GET', ':path': `/${to}`, ...head });
const post = async (
  { client }: Setup,
  to: string,
  then: 'reset' | 'stall',
  head: Record<string, string> = {},
) => {
  const { stream, reply } = client.open({
    ':method': 'POST',
    ':path': `/${to}`,
    'content-length': '100',
    ...head,
  });
  stream.write('part');
  if (then === 'reset') setImmediate(() => stream.close(8));
  else setTimeout(() => stream.close(8), 15);
  await reply;
};
const large400 = Buffer.alloc(400_000, 'b');
const lying = ({ proxy }: Setup, to: string, length: string) =>
  frames(
    proxy.target(),
    [...pseudo(`/${to}`, 'POST'), ['x-do', 'hang'], ['content-length', length]],
    Buffer.from('body'),
  );
const resetReply = async ({ client }: Setup, to: string) => {
  const { stream, reply } = client.open({ ':method': 'GET', ':path': `/${to}`, 'x-do': 'large' }, true);
  stream.once('data', () => stream.close(8));
  await reply;
};
const http1 = ({ proxy }: Setup, head: string, leave?: 'stay' | 'half' | 'reset') =>
  raw(proxy.target(), head, leave);
const pseudo = (path: string, method = 'GET') =>
  [
    [':method', method],
    [':scheme', 'http'],
    [':authority', 'a'],
    [':path', path],
  ] as const;

/** By name, since a counterexample is printed. */
export const clients: Record<string, (setup: Setup) => Promise<unknown>> = {
  'grpc: too little time': (s) => grpc(s, { 'grpc-timeout': '1n' }),
  'grpc: a deadline of 3 ms': (s) => grpc(s, { 'grpc-timeout': '3m', 'x-do': 'hang' }),
  'grpc: less time than the method takes': (s) => grpc(s, { 'grpc-timeout': '15m', 'x-do': 'hang' }),
  'grpc: a malformed timeout': (s) => grpc(s, { 'grpc-timeout': '1x' }),
  'grpc: NOT_FOUND': (s) => grpc(s, { 'x-do': 'grpc 5' }),
  'grpc: RESOURCE_EXHAUSTED': (s) => grpc(s, { 'x-do': 'grpc 8' }),
  'grpc: an unknown method': (s) => grpc(s, { 'x-do': 'grpc 12' }),
  'grpc: a message that does not parse': (s) => grpc(s, { 'x-do': 'grpc 13' }),
  'grpc: 300 headers, which the replica resets': (s) => grpc(s, Object.fromEntries(many)),
  'grpc: refused as a protocol error': (s) => grpc(s, { 'x-do': 'reset 1' }),
  'grpc: a request that the replica closes the connection on': (s) => grpc(s, { 'x-do': 'hang-up' }),
  'grpc: six calls, and a request that the replica closes their connection on': async (s) => {
    const six = Array.from({ length: 6 }, () => grpc(s, { 'x-do': 'hang', 'grpc-timeout': '1S' }));
    await grpc(s, { 'x-do': 'hang-up' });
    await grpc(s, { 'x-do': 'hang-up' });
    await Promise.all(six);
  },
  'grpc: a reply without a status': (s) => grpc(s, { 'x-do': 'no-status' }),
  'grpc: HTTP 431': (s) => grpc(s, { 'x-do': 'http 431' }),
  'grpc: a call taken back': async ({ client }) => {
    const { stream, reply } = client.open(grpcHead('/web2.Svc/Do', { 'x-do': 'hang' }));
    stream.end(grpcMessage(Buffer.alloc(3)));
    setTimeout(() => stream.close(8), 2);
    await reply;
  },
  'grpc: a call taken back as its reply comes': async ({ client }) => {
    const { stream, reply } = client.open(grpcHead('/web2.Svc/Do'));
    stream.on('response', () => stream.close(8));
    stream.end(grpcMessage(Buffer.alloc(3)));
    await reply;
  },
  'grpc: an upload that stalls until the deadline': async ({ client }) => {
    const { stream, reply } = client.open(
      grpcHead('/web2.Svc/Do', { 'grpc-timeout': '20m', 'x-do': 'hang' }),
    );
    stream.write(grpcMessage(Buffer.alloc(3)));
    await reply;
    stream.close();
  },
  'http/2 to http/2: 400': (s) => web(s, 'web2', { 'x-do': 'http 400' }),
  'http/2 to http/2: 500': (s) => web(s, 'web2', { 'x-do': 'http 500' }),
  'http/2 to http/2: an upload that is reset': (s) => post(s, 'web2', 'reset', { 'x-do': 'hang' }),
  'http/2 to http/2: two equal content-lengths': ({ proxy }) =>
    frames(proxy.target(), [...pseudo('/web2', 'POST'), ['content-length', '0'], ['content-length', '0']]),
  'http/2 to http/1.1: a lower-case method': ({ proxy }) => frames(proxy.target(), pseudo('/web1', 'get')),
  'http/2 to http/1.1: two equal content-lengths': ({ proxy }) =>
    frames(proxy.target(), [...pseudo('/web1', 'POST'), ['content-length', '0'], ['content-length', '0']]),
  'http/2 to http/1.1: 20 KB of headers': (s) => web(s, 'web1', Object.fromEntries(large)),
  'http/2 to http/1.1: 300 headers': (s) => web(s, 'web1', Object.fromEntries(many)),
  'http/2 to http/1.1: a request that the replica closes on': (s) =>
    s.client.request({ ':method': 'POST', ':path': '/web1', 'x-do': 'hang-up' }, Buffer.from('body')),
  'http/2 to http/1.1: 404': (s) => web(s, 'web1', { 'x-do': 'http 404' }),
  'http/2 to http/1.1: 501': (s) => web(s, 'web1', { 'x-do': 'http 501' }),
  'http/2 to http/1.1: an upload that is reset': (s) => post(s, 'web1', 'reset'),
  'http/2 to http/1.1: an upload that stalls, and is closed on': (s) =>
    post(s, 'web1', 'stall', { 'x-do': 'hang-up' }),
  'http/2 to http/1.1: a POST of 400 KB that is refused before it is in': (s) =>
    s.client.request({ ':method': 'POST', ':path': '/web1', 'x-do': 'refuse' }, large400),
  'http/2 to http/2: a POST of 400 KB that is refused before it is in': (s) =>
    s.client.request({ ':method': 'POST', ':path': '/web2', 'x-do': 'refuse' }, large400),
  'http/1.1 to http/1.1: a POST of 400 KB that is refused before it is in': (s) =>
    http1(
      s,
      `POST /web1 HTTP/1.1\r\nhost: a\r\nx-do: refuse\r\ncontent-length: 400000\r\n\r\n${large400}`,
      'half',
    ),
  'http/2 to http/1.1: a large reply that is reset': (s) => resetReply(s, 'web1'),
  'http/2 to http/2: a large reply that is reset': (s) => resetReply(s, 'web2'),
  'http/1.1 to http/1.1: a large reply that is left': (s) =>
    http1(s, 'GET /web1 HTTP/1.1\r\nhost: a\r\nx-do: large\r\n\r\n', 'stay'),
  'http/1.1 to http/2: a large reply that is left': (s) =>
    http1(s, 'GET /web2 HTTP/1.1\r\nhost: a\r\nx-do: large\r\n\r\n', 'stay'),
  'http/2 to http/1.1: fewer bytes than content-length': (s) => lying(s, 'web1', '9'),
  'http/2 to http/1.1: more bytes than content-length': (s) => lying(s, 'web1', '1'),
  'http/2 to http/2: fewer bytes than content-length': (s) => lying(s, 'web2', '9'),
  'http/2 to http/2: more bytes than content-length': (s) => lying(s, 'web2', '1'),
  'http/1.1 to http/1.1: fewer bytes than content-length, then its end': (s) =>
    http1(s, 'POST /web1 HTTP/1.1\r\nhost: a\r\nx-do: hang\r\ncontent-length: 9\r\n\r\npart', 'half'),
  'http/1.1 to http/2: fewer bytes than content-length, then its end': (s) =>
    http1(s, 'POST /web2 HTTP/1.1\r\nhost: a\r\nx-do: hang\r\ncontent-length: 9\r\n\r\npart', 'half'),
  'http/1.1 to http/2: a malformed chunk': (s) =>
    http1(
      s,
      'POST /web2 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\nzz\r\n',
      'stay',
    ),
  'http/1.1 to http/2: an empty host': (s) => http1(s, 'GET /web2 HTTP/1.1\r\nhost:\r\n\r\n'),
  'http/1.1 to http/1.1: an empty host': (s) => http1(s, 'GET /web1 HTTP/1.1\r\nhost:\r\n\r\n'),
  'http/1.1 to http/2: a lower-case method': (s) => http1(s, 'get /web2 HTTP/1.1\r\nhost: a\r\n\r\n'),
  'http/1.1 to http/2: fields that HTTP/2 forbids': (s) =>
    http1(
      s,
      'GET /web2 HTTP/1.1\r\nhost: a\r\nte: gzip\r\nkeep-alive: x\r\nproxy-connection: close\r\nhttp2-settings: x\r\n\r\n',
    ),
  'http/2 to http/2: te: gzip': ({ proxy }) => frames(proxy.target(), [...pseudo('/web2'), ['te', 'gzip']]),
  'http/1.1 to http/1.1: two requests at once, both left': (s) =>
    http1(s, 'GET /web1 HTTP/1.1\r\nhost: a\r\nx-do: hang\r\n\r\n'.repeat(2), 'reset'),
  'http/1.1 to http/1.1: expect, and gone': (s) =>
    http1(
      s,
      'POST /web1 HTTP/1.1\r\nhost: a\r\nx-do: hang\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n',
      'stay',
    ),
  'grpc to http/1.1: a deadline of 3 ms': (s) =>
    s.client.request(
      { ...grpcHead('/web1.Svc/Do', { 'grpc-timeout': '3m', 'x-do': 'hang' }) },
      grpcMessage(Buffer.alloc(3)),
    ),
  'http/1.0 to http/2: no host': (s) => http1(s, 'GET /web2 HTTP/1.0\r\n\r\n'),
  'http/1.0 to http/1.1: no host': (s) => http1(s, 'GET /web1 HTTP/1.0\r\n\r\n'),
  'http/1.1 to http/2: 300 headers, which the replica resets': (s) =>
    http1(s, `GET /web2 HTTP/1.1\r\nhost: a\r\n${lines(many)}\r\n`, 'stay'),
  'http/1.1 to http/2: an upload that breaks off': (s) =>
    http1(s, 'POST /web2 HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\npart', 'reset'),
  'http/1.1 to http/1.1: an upload that breaks off': (s) =>
    http1(s, 'POST /web1 HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\npart', 'reset'),
  'http/1.1 to http/1.1: a malformed chunk': (s) =>
    http1(s, 'POST /web1 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 'stay'),
  'http/1.1 to http/1.1: a reply not waited for': (s) =>
    http1(s, 'GET /web1 HTTP/1.1\r\nhost: a\r\nx-do: hang\r\n\r\n', 'reset'),
  'websocket: a handshake that the replica declines': (s) =>
    http1(
      s,
      'GET /web1 HTTP/1.1\r\nhost: a\r\nx-do: http\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      'stay',
    ),
  'websocket: opened and left': (s) =>
    http1(s, 'GET /web1 HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n', 'stay'),
  'tcp: bytes that the replica resets on': ({ proxy }) => raw(proxy.target('tcp'), 'die', 'stay'),
  'tcp: left at once': ({ proxy }) => raw(proxy.target('tcp'), 'x', 'reset'),
  good: async (s) => {
    await grpc(s, {});
    await web(s, 'web1', {});
  },
};

export const broken: Array<readonly ['web2' | 'web1' | 'tcp', string, (setup: Setup) => Promise<unknown>]> = [
  ['web2', 'reset 1', (s) => grpc(s, {})],
  ['web2', 'reset 2', (s) => grpc(s, {})],
  ['web2', 'reset 11', (s) => web(s, 'web2', {})],
  ['web2', 'grpc 13', (s) => grpc(s, {})],
  ['web2', 'grpc 14', (s) => grpc(s, {})],
  ['web2', 'http 500', (s) => web(s, 'web2', {})],
  ['web2', 'http 503', (s) => web(s, 'web2', {})],
  ['web2', 'no-status', (s) => grpc(s, {})],
  ['web2', 'http 302', (s) => grpc(s, {})],
  ['web2', 'hang', (s) => grpc(s, { 'grpc-timeout': '30m' })],
  ['web2', 'hang-up', (s) => grpc(s, {})],
  ['web1', 'http 500', (s) => web(s, 'web1', {})],
  ['web1', 'http 502', (s) => http1(s, 'GET /web1 HTTP/1.1\r\nhost: a\r\n\r\n', 'stay')],
  ['web1', 'garbage', (s) => web(s, 'web1', {})],
  ['web1', 'hang-up', (s) => http1(s, 'GET /web1 HTTP/1.1\r\nhost: a\r\n\r\n', 'stay')],
  ['tcp', 'die', ({ proxy }) => raw(proxy.target('tcp'), 'x', 'stay')],
];
