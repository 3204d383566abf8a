import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { judgesRealTime } from '../support/real-time.ts';
import { until } from '../support/until.ts';
import type { RawPeer } from './support/raw-peer.ts';
import { attackRig } from './support/rig.ts';
import { block, data, grpcRequest, headers, message, type Pair, paths } from './support/wire.ts';

const PROTOCOL_ERROR = 1;
const rssMaxMiB = 256;

/** An HTTP/1.1 server that keeps what it heard, and answers each head it finds. */
class Listening {
  heard = '';
  readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor() {
    this.server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('data', (chunk) => {
        const heads = chunk.toString('latin1').match(/HTTP\/1\.1\r\n/g)?.length ?? 0;
        this.heard += chunk.toString('latin1');
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'.repeat(heads));
      });
    });
  }

  async start(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** Request heads that could be read two ways, or break RFC 9113 section 8. */
const base = grpcRequest(paths.hello);
const without = (...names: string[]): Pair[] => base.filter(([name]) => !names.includes(name));
const replaced = (name: string, value: string): Pair[] =>
  base.map(([key, old]) => [key, key === name ? value : old] as const);
const smuggled: ReadonlyArray<readonly [name: string, head: Pair[]]> = [
  ['CR LF in a value', [...base, ['x-a', 'b\r\nx-evil: 1']]],
  ['a lone CR in a value', [...base, ['x-a', 'b\rc']]],
  ['a lone LF in a value', [...base, ['x-a', 'b\nc']]],
  ['NUL in a value', [...base, ['x-a', 'b\0c']]],
  ['a space before a value', [...base, ['x-a', ' b']]],
  ['a space after a value', [...base, ['x-a', 'b ']]],
  ['CR LF in a name', [...base, ['x-a\r\nx-evil', 'b']]],
  ['NUL in a name', [...base, ['x\0a', 'b']]],
  ['upper case in a name', [...base, ['X-A', 'b']]],
  ['a space in a name', [...base, ['x a', 'b']]],
  ['a colon in a name', [...base, ['x:a', 'b']]],
  ['an empty name', [...base, ['', 'b']]],
  ['a byte over 127 in a name', [...base, ['x-\xe9', 'b']]],
  ['connection', [...base, ['connection', 'close']]],
  ['keep-alive', [...base, ['keep-alive', '1']]],
  ['proxy-connection', [...base, ['proxy-connection', 'close']]],
  ['transfer-encoding', [...base, ['transfer-encoding', 'chunked']]],
  ['upgrade', [...base, ['upgrade', 'websocket']]],
  ['te that is not trailers', [...base, ['te', 'gzip']]],
  ['an unknown pseudo-header', [[':x', 'y'], ...base]],
  ['a pseudo-header of replies', [[':status', '200'], ...base]],
  ['a pseudo-header after a field', [...without(':path'), ['x-a', 'b'], [':path', paths.hello]]],
  ['two paths', [[':path', paths.hello], ...base]],
  ['two methods', [[':method', 'POST'], ...base]],
  ['no method', without(':method')],
  ['no path', without(':path')],
  ['no scheme', without(':scheme')],
  ['an empty path', replaced(':path', '')],
  ['a path without a slash', replaced(':path', 'helloworld.Greeter/SayHello')],
  ['a path that is an URL', replaced(':path', 'http://evil/')],
  ['a space in the path', replaced(':path', '/a HTTP/1.1')],
  ['CR LF in the path', replaced(':path', '/a\r\nhost: evil')],
  ['a fragment in the path', replaced(':path', '/a#b')],
  ['CR LF in the method', replaced(':method', 'GET /evil HTTP/1.1\r\n')],
  ['a space in the method', replaced(':method', 'GET /evil')],
  ['userinfo in the authority', replaced(':authority', 'user@attack.test')],
  ['a path in the authority', replaced(':authority', 'attack.test/x')],
  ['a space in the authority', replaced(':authority', 'attack.test x')],
  ['an empty authority', replaced(':authority', '')],
  ['an authority against the host', [...base, ['host', 'other.test']]],
  ['two hosts', [...without(':authority'), ['host', 'a.test'], ['host', 'b.test']]],
  ['two lengths that differ', [...base, ['content-length', '1'], ['content-length', '2']]],
  ['a length that is no number', [...base, ['content-length', '1e3']]],
  ['a negative length', [...base, ['content-length', '-1']]],
];

/** Messages that contradict themselves, after a good head; `reset` is how the stream ends. */
const contradictions: ReadonlyArray<readonly [name: string, frames: (id: number) => Buffer[], code: number]> =
  [
    [
      'more bytes than content-length',
      (id) => [withLength(id, 5), data(id, Buffer.alloc(6))],
      PROTOCOL_ERROR,
    ],
    [
      'fewer bytes than content-length',
      (id) => [withLength(id, 5), data(id, Buffer.alloc(4), true)],
      PROTOCOL_ERROR,
    ],
    ['a length and END_STREAM at once', (id) => [withLength(id, 5, true)], PROTOCOL_ERROR],
    [
      'trailers before the length is reached',
      (id) => [withLength(id, 5), headers(id, block(['x-a', 'b']), true)],
      PROTOCOL_ERROR,
    ],
    ['trailers without END_STREAM', (id) => [open(id), headers(id, block(['x-a', 'b']))], PROTOCOL_ERROR],
    [
      'a pseudo-header in trailers',
      (id) => [open(id), headers(id, block([':path', '/']), true)],
      PROTOCOL_ERROR,
    ],
    [
      'connection in trailers',
      (id) => [open(id), headers(id, block(['connection', 'close']), true)],
      PROTOCOL_ERROR,
    ],
    [
      'content-length in trailers',
      (id) => [open(id), headers(id, block(['content-length', '0']), true)],
      PROTOCOL_ERROR,
    ],
    ['CR LF in trailers', (id) => [open(id), headers(id, block(['x-a', 'b\r\nc: d']), true)], PROTOCOL_ERROR],
  ];

const open = (id: number): Buffer => headers(id, block(...grpcRequest(paths.bidi)));
const withLength = (id: number, length: number, end = false): Buffer =>
  headers(id, block(...grpcRequest(paths.bidi, ['content-length', String(length)])), end);

describe('attack: malformed messages', function () {
  judgesRealTime(this, 'the latency of an honest client beside the attack is judged', 2);
  const listening = new Listening();
  before(() => listening.start());
  after(() => listening.stop());

  describe('over HTTP/2', () => {
    const rig = attackRig();

    for (const [name, head] of smuggled) {
      it(`${name}: refused before it is routed`, async () => {
        const peer = await rig.peer();
        peer.send(headers(1, block(...head), true));
        expect(await resetOf(peer, 1)).to.equal(PROTOCOL_ERROR);
        expect(peer.stream(1).headerFrames).to.equal(0);
        // The connection is in order, and so is what follows on it.
        peer.send(headers(3, block(...base)), data(3, message(Buffer.alloc(0)), true));
        await until(
          () => peer.stream(3).ended,
          () => `the next call got ${JSON.stringify(peer.stream(3))}, GOAWAY ${peer.goawayCode}`,
          8000,
        );
        expect(peer.stream(3).headerFrames).to.equal(2);
      });
    }

    for (const [name, frames, code] of contradictions) {
      it(`${name}: the stream is reset, the replica's as well`, async () => {
        const peer = await rig.peer();
        peer.send(...frames(1));
        expect(await resetOf(peer, 1)).to.equal(code);
        await rig.untilIdleUpstream();
      });
    }

    it('contradictions without end: ENHANCE_YOUR_CALM', () =>
      rig.withBystander(rssMaxMiB, async () => {
        for (const [name, frames] of contradictions) {
          const peer = await rig.peer();
          peer.send(...Array.from({ length: 1000 }, (_, i) => Buffer.concat(frames(2 * i + 1))));
          await peer.toldToGo();
          expect(peer.goawayCode, name).to.equal(0xb);
        }
        await rig.untilIdleUpstream();
      }));

    it('malformed requests without end: ENHANCE_YOUR_CALM', () =>
      rig.withBystander(rssMaxMiB, async () => {
        const bad = block(...base, ['x-a', 'b\r\nc']);
        const peer = await rig.peer();
        peer.send(...Array.from({ length: 1000 }, (_, i) => headers(2 * i + 1, bad, true)));
        await peer.toldToGo();
        expect(peer.goawayCode).to.equal(0xb);
      }));
  });

  describe('towards HTTP/1.1', () => {
    const rig = attackRig({
      cluster: {},
      listener: {
        routes: [
          { name: 'old', match: { pathPrefix: '/old' }, cluster: 'old' },
          { name: 'all', cluster: 'greeter' },
        ],
      },
      clusters: async () => [
        {
          name: 'old',
          protocol: 'http1',
          endpoints: [{ address: listening.address }],
          health: 'none',
          limits: { maxConnections: 1 },
        },
      ],
    });
    beforeEach(() => {
      listening.heard = '';
    });

    it('nothing that is smuggled over HTTP/2 reaches the server', () =>
      rig.withBystander(rssMaxMiB, async () => {
        for (const [name, head] of smuggled) {
          const peer = await rig.peer();
          const old = head.map(([key, value]) => [key, value === paths.hello ? '/old' : value] as const);
          peer.send(headers(1, block(...old), true));
          expect(await resetOf(peer, 1), name).to.equal(PROTOCOL_ERROR);
          peer.destroy();
        }
        expect(listening.heard).to.equal('');
      }));

    for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'POST']) {
      it(`${method} with a body that is a request: one request arrives, and the next is intact`, async () => {
        const inner = Buffer.from('GET /old/smuggled HTTP/1.1\r\nhost: evil\r\n\r\n');
        const peer = await rig.peer();
        const head: Pair[] = [
          [':method', method],
          [':scheme', 'http'],
          [':path', '/old/1'],
          [':authority', 'attack.test'],
          ['content-length', String(inner.length)],
        ];
        peer.send(headers(1, block(...head)), data(1, inner, true));
        await replied(peer, 1);
        const next = [[':path', '/old/2'] as const, ...head.filter(([name]) => !/path|length/.test(name))];
        peer.send(headers(3, block(...next), true));
        await replied(peer, 3);
        // The body may come with the request, or not at all; then nothing may announce it.
        const first = listening.heard.slice(0, listening.heard.indexOf('/old/2'));
        const whole = first.includes(inner.toString());
        const announced = /content-length: [1-9]|transfer-encoding: chunked/i.test(
          first.split('\r\n\r\n')[0],
        );
        expect(whole).to.equal(announced);
      });
    }
  });
});

async function resetOf(peer: RawPeer, id: number): Promise<number> {
  await until(
    () => peer.stream(id).rst >= 0 || peer.closed,
    () => `stream ${id} was not reset: ${JSON.stringify(peer.stream(id))}`,
    8000,
  );
  return peer.stream(id).rst;
}

async function replied(peer: RawPeer, id: number): Promise<void> {
  await until(
    () => peer.stream(id).ended,
    () => `stream ${id} got ${JSON.stringify(peer.stream(id))}`,
    8000,
  );
}
