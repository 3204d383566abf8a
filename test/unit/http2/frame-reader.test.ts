import { expect } from 'chai';
import fc from 'fast-check';
import { FrameReader } from '../../../src/http2/frame-reader.ts';
import { frame } from './support.ts';

const frameBytesMax = 16_384;

function reader() {
  const seen: string[] = [];
  const made = new FrameReader(
    {
      frame: (type, flags, id, bytes, start, end) =>
        seen.push(`${type} ${flags} ${id} ${Buffer.from(bytes.subarray(start, end)).toString('hex')}`),
      frameTooLong: (length) => seen.push(`too long ${length}`),
    },
    frameBytesMax,
  );
  return { made, seen };
}

describe('http2/frame-reader', () => {
  const wire = Buffer.concat([
    frame(0, 1, 3, Buffer.from('abc')),
    frame(4, 1, 0),
    frame(9, 4, 0x7fff_ffff, Buffer.alloc(300, 7)),
    frame(200, 255, 5, Buffer.of(1)),
  ]);
  const whole = ['0 1 3 616263', '4 1 0 ', `9 4 2147483647 ${'07'.repeat(300)}`, '200 255 5 01'];

  it('hands on frames that lie whole in one read', () => {
    const { made, seen } = reader();
    const around = Buffer.concat([Buffer.alloc(5), wire, Buffer.alloc(5)]);
    made.receive(around, 5, 5 + wire.length);
    expect(seen).to.deep.equal(whole);
  });

  it('finds the same frames however the octets are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (pieces) => {
        const { made, seen } = reader();
        for (let at = 0, piece = 0; at < wire.length; piece++) {
          const end = Math.min(wire.length, at + pieces[piece % pieces.length]);
          const read = Buffer.concat([Buffer.from('xx'), wire.subarray(at, end)]);
          made.receive(read, 2, read.length);
          read.fill(0xee);
          at = end;
        }
        expect(seen).to.deep.equal(whole);
      }),
      { numRuns: 200 },
    );
  });

  it('takes a frame of the largest size and refuses one octet more, before its payload came', () => {
    for (const cut of [3, 9]) {
      const { made, seen } = reader();
      const most = frame(0, 0, 1, Buffer.alloc(frameBytesMax));
      made.receive(most, 0, most.length);
      const more = frame(0, 0, 1, Buffer.alloc(frameBytesMax + 1));
      made.receive(more, 0, cut);
      made.receive(more, cut, 20);
      expect(seen.map((one) => one.slice(0, 14))).to.deep.equal(['0 0 1 00000000', 'too long 16385']);
    }
  });

  it('hands on nothing after it was stopped, in the same read or a later one', () => {
    const seen: number[] = [];
    const made: FrameReader = new FrameReader(
      {
        frame: (type) => {
          seen.push(type);
          made.stop();
        },
        frameTooLong: () => {},
      },
      frameBytesMax,
    );
    made.receive(wire, 0, wire.length);
    made.receive(wire, 0, wire.length);
    expect(seen).to.deep.equal([0]);
  });

  it('stops where it was told to hold, and goes on from there, however the octets are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (pieces) => {
        const { made, seen } = reader();
        const push = seen.push.bind(seen);
        seen.push = (...items) => {
          made.hold();
          return push(...items);
        };
        for (let start = 0, piece = 0; start < wire.length; piece++) {
          const end = Math.min(wire.length, start + pieces[piece % pieces.length]);
          for (let at = start; at < end; ) {
            const before = seen.length;
            at = made.receive(wire, at, end);
            expect(seen.length - before).to.be.at.most(1);
          }
          start = end;
        }
        expect(seen).to.deep.equal(whole);
      }),
      { numRuns: 200 },
    );
  });

  it('holds at most one frame, and next to nothing between frames', () => {
    const { made } = reader();
    const held = (): number => (made as unknown as { carry: Buffer }).carry.length;
    const large = frame(0, 0, 1, Buffer.alloc(frameBytesMax));
    made.receive(large, 0, 10);
    expect(held()).to.be.at.most(frameBytesMax + 9);
    made.receive(large, 10, large.length);
    expect(held()).to.be.at.most(1024);
  });
});
