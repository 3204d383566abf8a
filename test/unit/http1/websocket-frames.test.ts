import { expect } from 'chai';
import fc from 'fast-check';
import { SeededRandom } from '../../../src/core/random.ts';
import { closeFrame, FrameBoundaries, goingAway } from '../../../src/http1/websocket-frames.ts';

interface Frame {
  readonly opcode: number;
  readonly masked: boolean;
  readonly payloadBytes: number;
}

function wire({ opcode, masked, payloadBytes }: Frame): Buffer {
  const mask = masked ? 0x80 : 0;
  const header = [0x80 | opcode];
  if (payloadBytes < 126) header.push(mask | payloadBytes);
  else if (payloadBytes < 65_536) header.push(mask | 126, payloadBytes >> 8, payloadBytes & 0xff);
  else
    header.push(
      mask | 127,
      0,
      0,
      0,
      0,
      0,
      payloadBytes >> 16,
      (payloadBytes >> 8) & 0xff,
      payloadBytes & 0xff,
    );
  // Payloads that look like the header of a close frame must not be taken for one.
  return Buffer.concat([
    Buffer.from(header),
    Buffer.alloc(masked ? 4 : 0, 0x88),
    Buffer.alloc(payloadBytes, 0x88),
  ]);
}

const frames = fc.array(
  fc.record({
    opcode: fc.constantFrom(0, 1, 2, 9, 10),
    masked: fc.boolean(),
    payloadBytes: fc.oneof(fc.nat(130), fc.constantFrom(125, 126, 127, 65_535, 65_536, 70_000)),
  }),
  { maxLength: 6 },
);

describe('FrameBoundaries', () => {
  it('is between two frames where one ends, however the bytes are split, and nowhere else', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1 }), (list, sizes) => {
        const bytes = Buffer.concat(list.map(wire));
        const ends = new Set([0]);
        for (const frame of list) ends.add([...ends].at(-1)! + wire(frame).length);
        const boundaries = new FrameBoundaries();
        for (let at = 0, n = 0; at < bytes.length; n++) {
          const to = Math.min(bytes.length, at + sizes[n % sizes.length]);
          boundaries.passed(bytes.subarray(at, to));
          at = to;
          if (boundaries.between !== ends.has(at)) throw new Error(`wrong at byte ${at} of ${bytes.length}`);
        }
        expect(boundaries.closing).to.equal(false);
      }),
      { numRuns: 100 },
    );
  });

  it('sees that a side closes as soon as its frame begins', () => {
    const boundaries = new FrameBoundaries();
    boundaries.passed(wire({ opcode: 1, masked: true, payloadBytes: 3 }));
    expect(boundaries.closing).to.equal(false);
    boundaries.passed(Buffer.of(0x88));
    expect([boundaries.closing, boundaries.between]).to.deep.equal([true, false]);
  });

  it('waits for the end of a payload of 64 bits of length in vain, and holds nothing of it', () => {
    const boundaries = new FrameBoundaries();
    boundaries.passed(Buffer.of(0x82, 0x7f, 255, 255, 255, 255, 255, 255, 255, 255));
    boundaries.passed(Buffer.alloc(1_000_000, 0x88));
    expect([boundaries.closing, boundaries.between]).to.deep.equal([false, false]);
  });
});

describe('closeFrame', () => {
  it('is the frame of a server, or that of a client with its mask', () => {
    expect(closeFrame(goingAway, null).toString('hex')).to.equal('880203e9');
    const frame = closeFrame(goingAway, new SeededRandom(1));
    expect(frame.subarray(0, 2).toString('hex')).to.equal('8882');
    const [key, status] = [frame.subarray(2, 6), frame.subarray(6)];
    expect(Buffer.of(status[0] ^ key[0], status[1] ^ key[1]).readUInt16BE()).to.equal(1001);
    expect(closeFrame(goingAway, new SeededRandom(2))).not.to.deep.equal(frame);
  });
});
