import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { judgesRealTime } from '../support/real-time.ts';
import { until } from '../support/until.ts';
import { HostileServer } from './support/hostile-server.ts';
import { rssMiB } from './support/process-usage.ts';
import { connectSocket, type RawPeer } from './support/raw-peer.ts';
import { attackRig } from './support/rig.ts';
import {
  block,
  data,
  download,
  echoRequest,
  grpcRequest,
  headers,
  indexed,
  inserted,
  literal,
  message,
  type Pair,
  paths,
  repeat,
  Setting,
  u32,
  windowUpdate,
} from './support/wire.ts';

const code = { ENHANCE_YOUR_CALM: 0xb } as const;
const stallTimeoutMs = 1500;
const bufferedMiB = 24;
/** What it holds by itself, with room for the garbage of a busy second. */
const rssMaxMiB = 320;

const idle = block(...grpcRequest(paths.bidi));

const ids = (count: number): number[] => Array.from({ length: count }, (_, i) => 2 * i + 1);

async function downloads(peer: RawPeer, count: number, bytes: number): Promise<void> {
  await peer.greeted();
  peer.send(...ids(count).map((id) => download(id, bytes)));
}

describe('attack: flow control and memory', function () {
  judgesRealTime(this, 'the latency of an honest client beside the attack is judged', 2);
  const files = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': 100_000_000 });
    const more = (): void => {
      while (response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', more);
    more();
  });
  // As many bytes as a stream's first window allows, each in a frame of its own.
  const tiny = new HostileServer({
    request: (peer, id) => {
      const byte = repeat(data(id, Buffer.of(1)), 10 * 65_535);
      peer.send(headers(id, block([':status', '200'], ['content-type', 'application/grpc'])), byte);
    },
  });
  before(async () => {
    files.listen(0, '127.0.0.1');
    await once(files, 'listening');
  });
  after(async () => {
    files.closeAllConnections();
    files.close();
    await once(files, 'close');
    await tiny.close();
  });
  const rig = attackRig({
    limits: { stallTimeout: `${stallTimeoutMs}ms` },
    listener: {
      routes: [
        { name: 'files', match: { pathPrefix: '/files' }, cluster: 'files' },
        { name: 'tiny', match: { headers: [{ name: 'x-to', exact: 'tiny' }] }, cluster: 'tiny' },
        { name: 'all', cluster: 'greeter' },
      ],
    },
    clusters: async () => {
      const { port } = files.address() as AddressInfo;
      await tiny.listen();
      return [
        { name: 'files', protocol: 'http1', endpoints: [{ address: `127.0.0.1:${port}` }], health: 'none' },
        { name: 'tiny', endpoints: [{ address: tiny.address }], health: 'none', outlier: 'none' },
      ];
    },
    more: { limits: { bufferedBytes: `${bufferedMiB}MiB` } },
  });

  it('windows of zero under hundreds of large replies: memory bounded, the calls timed out (CVE-2019-9517)', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const peer = await rig.peer({ settings: [[Setting.InitialWindowSize, 0]] });
      await downloads(peer, 400, 1_000_000);
      await until(
        () => (peer.resets.get(code.ENHANCE_YOUR_CALM) ?? 0) >= 400 || peer.closed,
        () => `${[...peer.resets]} were reset`,
        20_000,
      );
      await rig.untilIdleUpstream();
    }));

  it('calls with all the cookie crumbs there may be and windows of zero: memory bounded, timed out (CVE-2026-49975)', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const crumbs = Array.from({ length: 90 }, (_, i): Pair => ['cookie', `a${i}=${'b'.repeat(40)}`]);
      // In the table from the first call on: each later one is some hundred bytes that become 90 fields.
      const peer = await rig.peer({ settings: [[Setting.InitialWindowSize, 0]] });
      await peer.greeted();
      const first = Buffer.concat([block(...grpcRequest(paths.serverStream)), ...crumbs.map(inserted)]);
      const fields = [block(...grpcRequest(paths.serverStream)), ...crumbs.map((_, i) => indexed(62 + i))];
      // The table of 4 KiB holds 40 of them, and the others are sent anew.
      const later = Buffer.concat([...fields.slice(0, 41), ...crumbs.slice(0, 50).map(literal)]);
      const body = (id: number): Buffer => data(id, echoRequest(1, 100_000), true);
      peer.send(headers(1, first), body(1));
      peer.send(
        ...ids(1000)
          .slice(1)
          .flatMap((id) => [headers(id, later), body(id)]),
      );
      const timedOut = (): number => peer.resets.get(code.ENHANCE_YOUR_CALM) ?? 0;
      await until(
        () => timedOut() >= 900 || peer.closed,
        () => `${[...peer.resets]} were reset, ${peer.seen.size} streams were heard of`,
        20_000,
      );
      await rig.untilIdleUpstream();
    }));

  it('a replica whose reply is DATA of one byte, which no client takes: memory bounded by its bytes', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const peer = await rig.peer({ settings: [[Setting.InitialWindowSize, 0]] });
      await peer.greeted();
      const before = rssMiB(rig.program.pid);
      const to = ids(50);
      peer.send(...to.map((id) => headers(id, block(...grpcRequest(paths.unary, ['x-to', 'tiny'])), true)));
      await until(
        () => to.every((id) => peer.stream(id).headerFrames > 0),
        () => 'the replica has not replied',
        8000,
      );
      // Until they have been timed out.
      await until(
        () => to.every((id) => peer.stream(id).rst >= 0) || peer.closed,
        () => `${[...peer.resets]} were reset`,
        8000,
      );
      expect(rssMiB(rig.program.pid) - before).to.be.at.most(100);
    }));

  it('a connection that reads nothing: closed, and memory is given back (CVE-2019-9511)', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const peers: RawPeer[] = [];
      for (let i = 0; i < 4; i++) {
        const peer = await rig.peer({ settings: [[Setting.InitialWindowSize, 0x7fff_ffff]] });
        await downloads(peer, 100, 1_000_000);
        peer.send(windowUpdate(0, 0x7000_0000));
        peer.socket.pause();
        peers.push(peer);
      }
      await rig.untilIdleUpstream();
      const held = rssMiB(rig.program.pid);
      for (const peer of peers) peer.socket.resume();
      await Promise.all(peers.map((peer) => peer.toldToGo()));
      expect(held).to.be.at.most(rssMaxMiB);
    }));

  it('a reader that takes a byte at a time is stalled, too', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const peer = await rig.peer({ settings: [[Setting.InitialWindowSize, 0]] });
      await downloads(peer, 1, 100_000);
      for (let i = 0; i < 400 && peer.stream(1).rst < 0; i++) {
        peer.send(windowUpdate(1, 1));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(peer.stream(1).rst).to.equal(code.ENHANCE_YOUR_CALM);
      expect(peer.stream(1).dataBytes).to.be.within(1, 1024);
    }));

  it('HTTP/1.1 downloads that nobody reads: memory bounded, the connections closed', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const sockets = await Promise.all(Array.from({ length: 10 }, () => connectSocket(rig.target)));
      let closed = 0;
      for (const socket of sockets) {
        rig.defer(() => socket.destroy());
        socket.write('GET /files/large HTTP/1.1\r\nhost: a\r\n\r\n');
        // Its end is known by the reset that a write meets; nothing is ever read.
        const probe = setInterval(() => socket.write('\r\n'), 100);
        socket.on('close', () => {
          clearInterval(probe);
          closed++;
        });
      }
      await until(
        () => closed === sockets.length,
        () => `${closed} of ${sockets.length} were closed`,
        12_000,
      );
    }));

  it('an idle stream is no stalled one: it outlives the stall timeout', async () => {
    const peer = await rig.peer();
    peer.send(headers(1, idle), data(1, message(Buffer.alloc(0))));
    await new Promise((resolve) => setTimeout(resolve, stallTimeoutMs * 2));
    peer.send(data(1, message(Buffer.alloc(0)), true));
    await until(
      () => peer.stream(1).ended,
      () => `the stream did not end: ${JSON.stringify(peer.stream(1))}`,
    );
    expect(peer.stream(1).rst).to.equal(-1);
    expect(peer.stream(1).dataBytes).to.be.greaterThan(0);
  });

  it('uploads in DATA of one byte that nobody takes: memory bounded by their bytes (RUSTSEC-2026-0258)', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const before = rssMiB(rig.program.pid);
      const peer = await rig.peer();
      await peer.greeted();
      // No such replica method reads on: the request says a gigabyte is coming, and waits with the reply until it has.
      const open = ids(60).map((id) => headers(id, block(...grpcRequest(paths.unary))));
      const length = Buffer.concat([Buffer.of(0), u32(1_000_000)]);
      peer.send(...open, ...ids(60).map((id) => data(id, length)));
      const tiny = ids(60).map((id) => data(id, Buffer.of(1)));
      const piece = Buffer.concat(Array.from({ length: 100 }, () => Buffer.concat(tiny)));
      for (let i = 0; i < 100 && !peer.closed; i++) {
        peer.send(piece);
        await peer.drained(500);
      }
      expect(peer.goawayCode, 'no offence by itself').to.equal(-1);
      expect(rssMiB(rig.program.pid) - before).to.be.at.most(100);
      peer.socket.destroy();
      await rig.untilIdleUpstream();
    }));
});
