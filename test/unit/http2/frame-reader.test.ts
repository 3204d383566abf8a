import { expect } from 'chai';
import fc from 'fast-check';
import { FrameReader } from '../../../src/http2/frame-reader.ts';
import { frame } from './support.ts';

const frameBytesMax = 16_384;

/** What was seen is told alike whether a frame came whole or in pieces; `pieces` tells of the latter. */
function reader() {
  const seen: string[] = [];
  const pieces: string[] = [];
  let cut = '';
  let left = 0;
  const hex = (bytes: Uint8Array, start: number, end: number): string =>
    Buffer.from(bytes.subarray(start, end)).toString('hex');
  const made = new FrameReader(
    {
      frame: (type, flags, id, bytes, start, end) =>
        seen.push(`${type} ${flags} ${id} ${hex(bytes, start, end)}`),
      dataBegins: (flags, id, length) => {
        expect(left).to.equal(0);
        expect(length).to.be.greaterThan(0);
        left = length;
        cut = `0 ${flags} ${id} `;
        pieces.push(`begins ${flags} ${id} ${length}`);
      },
      dataPiece: (flags, id, bytes, start, end, whole) => {
        expect(cut.startsWith(`0 ${flags} ${id} `)).to.equal(true);
        expect(end).to.be.greaterThan(start);
        left -= end - start;
        expect(whole).to.equal(left === 0);
        cut += hex(bytes, start, end);
        pieces.push(`${end - start}${whole ? ' whole' : ''}`);
        if (whole) seen.push(cut);
      },
      frameTooLong: (length) => seen.push(`too long ${length}`),
    },
    frameBytesMax,
  );
  return { made, seen, pieces };
}

describe('http2/frame-reader', () => {
  const wire = Buffer.concat([
    frame(0, 1, 3, Buffer.from('abc')),
    frame(4, 1, 0),
    frame(9, 4, 0x7fff_ffff, Buffer.alloc(300, 7)),
    frame(200, 255, 5, Buffer.of(1)),
    frame(0, 9, 3, Buffer.of(2, 1, 0, 0)),
    frame(0, 0, 3),
    frame(0, 1, 7, Buffer.alloc(90, 8)),
    frame(0, 0, 9, Buffer.alloc(50, 9)),
  ]);
  const whole = [
    '0 1 3 616263',
    '4 1 0 ',
    `9 4 2147483647 ${'07'.repeat(300)}`,
    '200 255 5 01',
    '0 9 3 02010000',
    '0 0 3 ',
    `0 1 7 ${'08'.repeat(90)}`,
    `0 0 9 ${'09'.repeat(50)}`,
  ];

  it('hands on frames that lie whole in one read', () => {
    const { made, seen } = reader();
    const around = Buffer.concat([Buffer.alloc(5), wire, Buffer.alloc(5)]);
    made.receive(around, 5, 5 + wire.length);
    expect(seen).to.deep.equal(whole);
  });

  it('finds the same frames however the bytes are split', () => {
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

  it('hands on DATA as it comes, as soon as its header is whole, and keeps none of it', () => {
    const { made, pieces } = reader();
    const wire = Buffer.concat([frame(0, 1, 3, Buffer.alloc(1000, 1)), frame(0, 0, 5)]);
    const said: string[][] = [];
    for (const [from, to] of [
      [0, 8],
      [8, 9],
      [9, 9],
      [9, 509],
      [509, 510],
      [510, wire.length],
    ]) {
      made.receive(wire, from, to);
      said.push(pieces.splice(0));
    }
    expect(said).to.deep.equal([[], ['begins 1 3 1000'], [], ['500'], ['1'], ['499 whole']]);
    expect((made as unknown as { carry: Buffer }).carry.length).to.be.at.most(64);
  });

  it('puts DATA that is padded together', () => {
    const { made, seen, pieces } = reader();
    const padded = frame(0, 8, 3, Buffer.of(1, 5, 6, 0));
    made.receive(padded, 0, 11);
    expect(made.insideFrame).to.equal(false);
    made.receive(padded, 11, padded.length);
    expect([seen, pieces]).to.deep.equal([['0 8 3 01050600'], []]);
  });

  it('drops the rest of a frame in pieces once it was stopped', () => {
    for (const stopAt of ['dataBegins', 'dataPiece'] as const) {
      const seen: string[] = [];
      const hear = (what: string) => () => {
        seen.push(what);
        if (what === stopAt) made.stop();
      };
      const made: FrameReader = new FrameReader(
        {
          frame: hear('frame'),
          dataBegins: hear('dataBegins'),
          dataPiece: hear('dataPiece'),
          frameTooLong: () => {},
        },
        frameBytesMax,
      );
      const wire = frame(0, 0, 1, Buffer.alloc(100));
      expect(made.receive(wire, 0, 50)).to.equal(50);
      expect(made.receive(wire, 50, wire.length)).to.equal(wire.length);
      expect(seen.at(-1)).to.equal(stopAt);
      expect(seen.length).to.equal(stopAt === 'dataBegins' ? 1 : 2);
    }
  });

  it('takes a frame of the largest size and refuses one byte more, before its payload came', () => {
    for (const cut of [3, 9]) {
      const { made, seen, pieces } = reader();
      const most = frame(0, 0, 1, Buffer.alloc(frameBytesMax));
      made.receive(most, 0, most.length);
      const more = frame(0, 0, 1, Buffer.alloc(frameBytesMax + 1));
      made.receive(more, 0, cut);
      made.receive(more, cut, 20);
      expect(pieces).to.deep.equal([]);
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
        dataBegins: () => {},
        dataPiece: () => {},
        frameTooLong: () => {},
      },
      frameBytesMax,
    );
    made.receive(wire, 0, wire.length);
    made.receive(wire, 0, wire.length);
    expect(seen).to.deep.equal([0]);
  });

  it('stops where it was asked to hold, and goes on from there, however the bytes are split', () => {
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
    const large = frame(1, 0, 1, Buffer.alloc(frameBytesMax));
    made.receive(large, 0, 10);
    expect(held()).to.be.at.most(frameBytesMax + 9);
    made.receive(large, 10, large.length);
    expect(held()).to.be.at.most(1024);
  });
});
