import { expect } from 'chai';
import { judgesRealTime } from '../support/real-time.ts';
import type { RawPeer } from './support/raw-peer.ts';
import { attackRig } from './support/rig.ts';
import { siege } from './support/siege.ts';
import {
  block,
  Flags,
  frame,
  grpcRequest,
  headers,
  indexed,
  inserted,
  integer,
  literal,
  type Pair,
  paths,
  repeat,
  Setting,
  settings,
  Type,
  tableSize,
  text,
} from './support/wire.ts';

const rssMaxMiB = 256;
const code = { PROTOCOL_ERROR: 0x1, COMPRESSION_ERROR: 0x9, ENHANCE_YOUR_CALM: 0xb } as const;
const request = grpcRequest(paths.bidi);
const opened = (id: number, bytes: Buffer): Buffer => frame(Type.Headers, 0, id, bytes);
const continued = (id: number, bytes: Buffer = Buffer.alloc(0), flags = 0): Buffer =>
  frame(Type.Continuation, flags, id, bytes);

/** HEADERS that never end, by what follows. */
const endless: ReadonlyArray<readonly [name: string, unit: Buffer]> = [
  ['empty frames', continued(1)],
  ['small frames', continued(1, literal(['x-a', 'b']))],
  ['full frames', continued(1, repeat(literal(['x-a', 'b'.repeat(100)]), 16_000))],
];

/** Blocks that are small on the wire and large in memory; 16 KiB of each in one request. */
const bombs: ReadonlyArray<readonly [name: string, first: Pair[], unit: Buffer]> = [
  // CVE-2016-6581: an entry of 4000 bytes, referred to with one byte each time.
  ['one large entry, again and again (CVE-2016-6581)', [['x-bomb', 'b'.repeat(3900)]], indexed(62)],
  // CVE-2026-49975: small fields, but thousands of them.
  ['thousands of small fields (CVE-2026-49975)', [['x', 'y']], indexed(62)],
  ['thousands of cookie crumbs', [['cookie', 'a=b']], indexed(62)],
  ['thousands of static fields', [['x', 'y']], indexed(16)],
  ['empty names and values (CVE-2019-9516)', [['', '']], indexed(62)],
];

const huffman = (...bytes: number[]): Buffer =>
  Buffer.concat([Buffer.of(0x80 | bytes.length), Buffer.from(bytes)]);
const withValue = (value: Buffer): Buffer => Buffer.concat([Buffer.of(0), text('x-a'), value]);

/** Blocks that break RFC 7541. */
const malformedBlocks: ReadonlyArray<readonly [name: string, bytes: Buffer]> = [
  ['an integer over 32 bits', Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])],
  ['an integer of endless zeros', Buffer.from([0xff, ...new Array(40).fill(0x80), 0x00])],
  ['a string length over 32 bits', Buffer.from([0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])],
  ['a string longer than the block', Buffer.concat([Buffer.of(0), integer(1_000_000, 7), Buffer.from('x')])],
  ['a block that ends inside an integer', Buffer.of(0xff, 0x80)],
  ['index 0', indexed(0)],
  ['an index past the tables', indexed(62)],
  ['a name index past the tables', Buffer.concat([integer(100, 6, 0x40), text('x')])],
  ['Huffman padding over 7 bits', withValue(huffman(0x1f, 0xff, 0xff))],
  ['Huffman padding of zeros', withValue(huffman(0x18))],
  ['the Huffman end-of-string symbol', withValue(huffman(0xff, 0xff, 0xff, 0xff))],
  ['a table larger than allowed', Buffer.concat([tableSize(4097), block(...request)])],
  ['a table size after a field', Buffer.concat([block(...request), tableSize(0)])],
  ['three table sizes', Buffer.concat([tableSize(0), tableSize(1), tableSize(2), block(...request)])],
];

describe('attack: header blocks', function () {
  judgesRealTime(this, 'the latency of an honest client beside the attack is judged', 2);
  const rig = attackRig();

  for (const [name, unit] of endless) {
    it(`CONTINUATION without end, ${name} (CVE-2024-27316): ENHANCE_YOUR_CALM after a few`, () =>
      rig.withBystander(rssMaxMiB, async () => {
        const piece = repeat(unit, 65_536);
        const result = await siege(rig.target, { forMs: 1000, unresponsive: true }, async (peer, leftMs) => {
          peer.send(opened(1, block(...request)));
          await peer.flood(piece, leftMs);
        });
        expect(result.calmed).to.equal(result.connections);
      }));
  }

  it('CONTINUATION that is interrupted, or begins nothing: PROTOCOL_ERROR', async () => {
    for (const then of [
      frame(Type.Ping, 0, 0, Buffer.alloc(8)),
      continued(3),
      headers(3, block(...request)),
    ]) {
      const peer = await rig.peer();
      peer.send(opened(1, block(...request)), then);
      expect(await goaway(peer)).to.equal(code.PROTOCOL_ERROR);
    }
    const peer = await rig.peer();
    peer.send(continued(1, block(...request), Flags.EndHeaders));
    expect(await goaway(peer)).to.equal(code.PROTOCOL_ERROR);
  });

  for (const [name, first, unit] of bombs) {
    it(`a bomb of ${name}: refused unread, the connection closed when they go on`, () =>
      rig.withBystander(rssMaxMiB, async () => {
        const start = Buffer.concat([block(...request), ...first.map(inserted)]);
        const bomb = Buffer.concat([block(...request), repeat(unit, 15_000)]);
        const requests = Array.from({ length: 250 }, (_, i) => headers(2 * i + 3, bomb, true));
        const result = await siege(rig.target, { connectionsMax: 6 }, async (peer) => {
          peer.send(headers(1, start, true), ...requests);
          await peer.toldToGo();
          // None of them was answered with success, nor asked a replica.
          expect(peer.stream(3).headerFrames + Number(peer.stream(3).rst >= 0)).to.equal(1);
        });
        expect(result.calmed).to.equal(result.connections);
      }));
  }

  for (const [name, bytes] of malformedBlocks) {
    it(`${name}: COMPRESSION_ERROR`, async () => {
      const peer = await rig.peer();
      peer.send(headers(1, bytes, true));
      expect(await goaway(peer)).to.equal(code.COMPRESSION_ERROR);
    });
  }

  it('all of them, from one connection after the other', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const result = await siege(rig.target, { parallel: 4, connectionsMax: 200 }, async (peer) => {
        const [, bytes] = malformedBlocks[Math.floor(peer.socket.localPort! / 2) % malformedBlocks.length];
        peer.send(...Array.from({ length: 50 }, (_, i) => headers(2 * i + 1, bytes, true)));
        expect(await goaway(peer)).to.equal(code.COMPRESSION_ERROR);
      });
      expect(result.closed).to.equal(result.connections);
    }));

  it('a peer that allows a table of 4 GiB gets one of 4 KiB', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const peer = await rig.peer({ settings: [[Setting.HeaderTableSize, 0xffff_ffff]] });
      const sizes: number[] = [];
      peer.onFrame = (type, _flags, _id, payload) => {
        // A table size update: 001 and an integer with a prefix of five bits.
        if (type === Type.Headers && (payload[0] & 0xe0) === 0x20) sizes.push(payload[0] & 0x1f);
      };
      peer.send(
        ...Array.from({ length: 100 }, (_, i) => headers(2 * i + 1, block(...grpcRequest('/none')), true)),
      );
      await until100Replies(peer);
      expect(sizes).to.deep.equal([]);
    }));

  it('a table size that changes with every SETTINGS frame costs nothing and ends soon', () =>
    rig.withBystander(rssMaxMiB, async () => {
      const changes = Array.from(
        { length: 2000 },
        (_, i) => [Setting.HeaderTableSize, (i % 2) * 4096] as const,
      );
      const piece = Buffer.concat([settings(...changes), settings(...changes)]);
      const result = await siege(rig.target, { forMs: 1000 }, (peer, leftMs) => peer.flood(piece, leftMs));
      expect(result.calmed).to.equal(result.connections);
    }));
});

async function goaway(peer: RawPeer): Promise<number> {
  await peer.toldToGo();
  return peer.goawayCode;
}

async function until100Replies(peer: RawPeer): Promise<void> {
  while (peer.counts[Type.Headers] < 100) await new Promise((resolve) => setTimeout(resolve, 5));
}
