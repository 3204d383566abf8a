import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { Address } from '../../../src/core/address.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { type GrpcProbeSettings, grpcProbe } from '../../../src/health/grpc-probe.ts';
import type { ProbeResult } from '../../../src/health/probe.ts';
import {
  type Frame,
  type FramePeer,
  type FrameServer,
  startFrameServer,
  Type,
} from '../../support/frame-peer.ts';

const message = (bytes: Buffer, flag = 0): Buffer => {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(flag, 0);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
};
const serving = Buffer.from([8, 1]);
type Fields = ReadonlyArray<readonly [string, string]>;
const grpcHead: Fields = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
];
const http = (status: number, type = 'text/html'): Fields => [
  [':status', String(status)],
  ['content-type', type],
];

/** Probes a server that does `answer` with each Check. */
async function probed(
  answer: (peer: FramePeer, id: number) => void,
  {
    checks = 1,
    timeoutMs = 2000,
    ...settings
  }: Partial<GrpcProbeSettings> & { checks?: number; timeoutMs?: number } = {},
): Promise<{ results: ProbeResult[]; server: FrameServer }> {
  const server = await startFrameServer((peer: FramePeer, frame: Frame) => {
    if (frame.type === Type.Headers) answer(peer, frame.streamId);
  });
  const probe = grpcProbe(addressOf(server.address), systemClock, {
    service: '',
    mode: 'check',
    ...settings,
  });
  const results: ProbeResult[] = [];
  for (let i = 0; i < checks; i++) results.push(await probe.check(timeoutMs));
  probe.close();
  await server.close();
  return { results, server };
}
const addressOf = (text: string): Address => ({
  kind: 'tcp',
  host: '127.0.0.1',
  port: Number(text.split(':')[1]),
});
const trailersOnly = (status: number, text = ''): Fields => [
  ...grpcHead,
  ['grpc-status', String(status)],
  ...(text === '' ? [] : [['grpc-message', text] as const]),
];

function replies(peer: FramePeer, id: number, body: Buffer): void {
  peer.headers(id, grpcHead);
  peer.data(id, body);
  peer.headers(id, [['grpc-status', '0']], true);
}

const cases: ReadonlyArray<readonly [string, (peer: FramePeer, id: number) => void, string]> = [
  [
    'UNAUTHENTICATED',
    (p, id) => p.headers(id, trailersOnly(16, 'no%20token'), true),
    'inconclusive: UNAUTHENTICATED: no token',
  ],
  ['PERMISSION_DENIED', (p, id) => p.headers(id, trailersOnly(7), true), 'inconclusive: PERMISSION_DENIED'],
  [
    'INVALID_ARGUMENT',
    (p, id) => p.headers(id, trailersOnly(3, 'tenant?'), true),
    'inconclusive: INVALID_ARGUMENT: tenant?',
  ],
  [
    'RESOURCE_EXHAUSTED',
    (p, id) => p.headers(id, trailersOnly(8, 'slow down'), true),
    'inconclusive: RESOURCE_EXHAUSTED: slow down',
  ],
  [
    'DEADLINE_EXCEEDED by the server itself',
    (p, id) => p.headers(id, trailersOnly(4, 'mine'), true),
    'inconclusive: DEADLINE_EXCEEDED: mine',
  ],
  [
    'UNAVAILABLE',
    (p, id) => p.headers(id, trailersOnly(14, 'maintenance'), true),
    'unavailable: UNAVAILABLE: maintenance',
  ],
  [
    'a status that gRPC does not define',
    (p, id) => p.headers(id, trailersOnly(99), true),
    'inconclusive: UNKNOWN',
  ],
  [
    'HTTP 401',
    (p, id) => p.headers(id, http(401, 'application/json'), true),
    'inconclusive: HTTP status 401 with content-type application/json and no grpc-status',
  ],
  [
    'HTTP 403',
    (p, id) => p.headers(id, [[':status', '403']], true),
    'inconclusive: HTTP status 403 and no grpc-status',
  ],
  [
    'HTTP 404 in HTML',
    (p, id) => p.headers(id, http(404), true),
    'inconclusive: HTTP status 404 with content-type text/html and no grpc-status',
  ],
  [
    'HTTP 415',
    (p, id) => p.headers(id, http(415), true),
    'inconclusive: HTTP status 415 with content-type text/html and no grpc-status',
  ],
  [
    'a redirect',
    (p, id) =>
      p.headers(
        id,
        [
          [':status', '302'],
          ['location', '/login'],
        ],
        true,
      ),
    'inconclusive: HTTP status 302 and no grpc-status',
  ],
  [
    'a web page that does not end',
    (p, id) => p.headers(id, http(200)),
    'inconclusive: HTTP status 200 with content-type text/html and no grpc-status',
  ],
  [
    'HTTP 429',
    (p, id) => p.headers(id, http(429), true),
    'inconclusive: HTTP status 429 with content-type text/html and no grpc-status',
  ],
  ...(
    [
      [501, 'inconclusive'],
      [502, 'unavailable'],
      [504, 'unavailable'],
      [505, 'inconclusive'],
    ] as const
  ).map(
    ([status, verdict]) =>
      [
        `HTTP ${status}`,
        (p: FramePeer, id: number) => p.headers(id, http(status), true),
        `${verdict}: HTTP status ${status} with content-type text/html and no grpc-status`,
      ] as const,
  ),
  [
    'HTTP 503',
    (p, id) => p.headers(id, http(503), true),
    'unavailable: HTTP status 503 with content-type text/html and no grpc-status',
  ],
  [
    'OK without a message',
    (p, id) => p.headers(id, trailersOnly(0), true),
    'inconclusive: status OK without a message',
  ],
  [
    'an end without a status',
    (p, id) => {
      p.headers(id, grpcHead);
      p.data(id, message(serving), true);
    },
    'inconclusive: HTTP status 200 with content-type application/grpc and no grpc-status',
  ],
  ['an empty message', (p, id) => replies(p, id, message(Buffer.alloc(0))), 'says_unknown: UNKNOWN'],
  [
    'bytes that are no protobuf',
    (p, id) => replies(p, id, message(Buffer.from([0xff]))),
    'inconclusive: a message that is no HealthCheckResponse: the message ends inside a number',
  ],
  [
    'a serving status that does not exist',
    (p, id) => replies(p, id, message(Buffer.from([8, 9]))),
    'inconclusive: serving status 9, which grpc.health.v1 does not define',
  ],
  [
    'a message that is too long',
    (p, id) => {
      p.headers(id, grpcHead);
      p.data(id, Buffer.from([0, 0xff, 0, 0, 0]));
    },
    'inconclusive: a message of 4278190080 bytes, which is no HealthCheckResponse',
  ],
  [
    'SERVING in pieces',
    (p, id) => {
      p.headers(id, grpcHead);
      for (const byte of message(serving)) p.data(id, Buffer.of(byte));
      p.headers(id, [['grpc-status', '0']], true);
    },
    'healthy: SERVING',
  ],
  [
    'SERVING, compressed',
    (p, id) => {
      p.headers(id, [...grpcHead, ['grpc-encoding', 'gzip']]);
      p.data(id, message(gzipSync(serving), 1));
      p.headers(id, [['grpc-status', '0']], true);
    },
    'healthy: SERVING',
  ],
  [
    'one message after the other',
    (p, id) => {
      p.headers(id, grpcHead);
      p.data(id, Buffer.concat([message(serving), message(serving)]));
    },
    'inconclusive: more than one message',
  ],
  [
    'a bomb',
    (p, id) => {
      p.headers(id, [...grpcHead, ['grpc-encoding', 'gzip']]);
      p.data(id, message(gzipSync(Buffer.alloc(1 << 20)), 1));
    },
    'inconclusive: a compressed message that cannot be read',
  ],
  ['a reset stream', (p, id) => p.rst(id, 0xb), 'inconclusive: the stream was reset with ENHANCE_YOUR_CALM'],
  ['a reset without an error', (p, id) => p.rst(id, 0), 'inconclusive: the stream was reset with NO_ERROR'],
  [
    'GOAWAY of a server that shuts down',
    (p) => p.goaway(0, 0),
    'connection_closed: GOAWAY with NO_ERROR instead of an answer',
  ],
  [
    'GOAWAY of a server that finds it too much',
    (p) => p.goaway(0, 0xb),
    'inconclusive: GOAWAY with ENHANCE_YOUR_CALM instead of an answer',
  ],
  [
    'a connection that closes',
    (p) => p.socket.end(),
    'connection_closed: connection closed instead of an answer',
  ],
  [
    'a connection that is reset',
    (p) => p.socket.resetAndDestroy(),
    'connection_closed: connection reset instead of an answer',
  ],
  [
    'UNIMPLEMENTED',
    (p, id) => p.headers(id, trailersOnly(12), true),
    'unimplemented: no health service (UNIMPLEMENTED)',
  ],
];

describe('what a gRPC health check got', () => {
  for (const [what, answer, expected] of cases) {
    it(`${what} is ${expected.split(':')[0]}`, async () => {
      const { results } = await probed(answer, { checks: 2 });
      for (const { verdict, reason } of results) expect(`${verdict}: ${reason}`).to.equal(expected);
    });
  }

  it('a message of the server is one short line, without what could move a cursor', async () => {
    const hostile = `%1B%5B2J%0Aendpoint%20a%20is%20healthy${'x'.repeat(5000)}`;
    const { results } = await probed((p, id) => p.headers(id, trailersOnly(7, hostile), true));
    expect(results[0].reason).to.match(/^PERMISSION_DENIED: \[2J endpoint a is healthyx+\.\.\.$/);
    expect(results[0].reason.length).to.be.below(240);
  });

  it('nothing, from a server that sent its SETTINGS, is no_answer', async () => {
    const { results } = await probed(() => {}, { timeoutMs: 150 });
    expect(results).to.deep.equal([{ verdict: 'no_answer', reason: 'no answer within 150 ms' }]);
  });

  it('of an HTTP/1.1 server is no connection: calls would fail the same', async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const probe = grpcProbe({ kind: 'tcp', host: '127.0.0.1', port }, systemClock, {
      service: '',
      mode: 'check',
    });
    expect(await probe.check(2000)).to.deep.equal({
      verdict: 'failed',
      reason: 'it does not speak HTTP/2; protocol: http1 is for an HTTP/1.1 server',
    });
    probe.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it('on a connection that was kept and has ended since, is asked again on a new one at once', async () => {
    let asked = 0;
    const { results, server } = await probed(
      (peer, id) => {
        asked += 1;
        if (asked === 2) peer.goaway(id - 2, 0);
        else {
          peer.headers(id, grpcHead);
          peer.data(id, message(serving));
          peer.headers(id, [['grpc-status', '0']], true);
        }
      },
      { checks: 3 },
    );
    expect(results.map(({ verdict }) => verdict)).to.deep.equal(['healthy', 'healthy', 'healthy']);
    expect([asked, server.peers.length]).to.deep.equal([4, 2]);
  });
});
