import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { until } from '../support/until.ts';
import { rssMiB } from './support/process-usage.ts';
import { connectSocket, type RawPeer } from './support/raw-peer.ts';
import { attackRig } from './support/rig.ts';
import { siege } from './support/siege.ts';
import {
  block,
  data,
  download,
  frame,
  grpcRequest,
  headers,
  message,
  paths,
  Setting,
  settings,
  Type,
  u32,
  windowUpdate,
} from './support/wire.ts';

const code = { PROTOCOL_ERROR: 1, FLOW_CONTROL_ERROR: 3, ENHANCE_YOUR_CALM: 0xb } as const;
const stallTimeoutMs = 1500;
const bufferedMiB = 24;
/** What it holds by itself, with room for the garbage of a busy second. */
const rssMaxMiB = 260;

const idle = block(...grpcRequest(paths.bidi));

const ids = (count: number): number[] => Array.from({ length: count }, (_, i) => 2 * i + 1);

async function downloads(peer: RawPeer, count: number, bytes: number): Promise<void> {
  await peer.greeted();
  peer.send(...ids(count).map((id) => download(id, bytes)));
}

describe('attack: flow control and memory', () => {
  const files = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': 100_000_000 });
    const more = (): void => {
      while (response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', more);
    more();
  });
  before(async () => {
    files.listen(0, '127.0.0.1');
    await once(files, 'listening');
  });
  after(async () => {
    files.closeAllConnections();
    files.close();
    await once(files, 'close');
  });
  const rig = attackRig({
    limits: { stallTimeout: `${stallTimeoutMs}ms` },
    listener: {
      routes: [
        { name: 'files', match: { pathPrefix: '/files' }, cluster: 'files' },
        { name: 'all', cluster: 'greeter' },
      ],
    },
    clusters: async () => {
      const { port } = files.address() as AddressInfo;
      return [
        { name: 'files', protocol: 'http1', endpoints: [{ address: `127.0.0.1:${port}` }], health: 'none' },
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

  it('a reader that takes an octet at a time is stalled, too', () =>
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
      const sockets = await Promise.all(Array.from({ length: 20 }, () => connectSocket(rig.target)));
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

  it('uploads in DATA of one octet that nobody takes: memory bounded by their octets (RUSTSEC-2026-0258)', () =>
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

  const offences: ReadonlyArray<readonly [name: string, frames: Buffer[], goaway: number, rst: number]> = [
    [
      'a window increment of 0 on the connection',
      [frame(Type.WindowUpdate, 0, 0, u32(0))],
      code.PROTOCOL_ERROR,
      -1,
    ],
    ['the window of the connection overflowed', [windowUpdate(0, 0x7fff_ffff)], code.FLOW_CONTROL_ERROR, -1],
    ['a window increment of 0 on a stream', [windowUpdate(1, 0)], -1, code.PROTOCOL_ERROR],
    ['the window of a stream overflowed', [windowUpdate(1, 0x7fff_ffff)], -1, code.FLOW_CONTROL_ERROR],
    [
      'the window of a stream overflowed by SETTINGS',
      [windowUpdate(1, 0x7fff_0000), settings([Setting.InitialWindowSize, 0x7fff_ffff])],
      code.FLOW_CONTROL_ERROR,
      -1,
    ],
    [
      'an initial window over 2^31 - 1',
      [settings([Setting.InitialWindowSize, 0x8000_0000])],
      code.FLOW_CONTROL_ERROR,
      -1,
    ],
  ];
  for (const [name, frames, goaway, rst] of offences) {
    it(`${name}: ${goaway < 0 ? 'the stream is reset' : 'the connection ends'} and its calls with it`, async () => {
      const peer = await rig.peer();
      await peer.greeted();
      peer.send(headers(1, idle), ...frames);
      if (goaway >= 0) await peer.toldToGo();
      else {
        await until(
          () => peer.stream(1).rst >= 0,
          () => 'the stream was not reset',
        );
      }
      expect([peer.goawayCode, peer.stream(1).rst]).to.deep.equal([goaway, rst]);
      await rig.untilIdleUpstream();
    });
  }

  it('DATA past the window of a stream, and of the connection: FLOW_CONTROL_ERROR', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const full = Buffer.alloc(16_384);
      const result = await siege(rig.target, { forMs: 1000, connectionsMax: 20 }, async (peer) => {
        await peer.greeted();
        const uploads = ids(200).map((id) => headers(id, block(...grpcRequest(paths.unary))));
        peer.send(...uploads, ...ids(200).flatMap((id) => new Array(8).fill(data(id, full))));
        await until(
          () => peer.closed || peer.resets.size > 0,
          () => 'it was not stopped',
          8000,
        );
        const ends = [peer.goawayCode, ...peer.resets.keys()];
        expect(ends).to.include(code.FLOW_CONTROL_ERROR);
        peer.destroy();
      });
      expect(result.connections).to.be.at.least(2);
      await rig.untilIdleUpstream();
    }));
});
