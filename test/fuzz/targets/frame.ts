import { frameError } from '../../../src/http2/frame.ts';
import { FrameReader } from '../../../src/http2/frame-reader.ts';
import { ByteSource } from '../byte-source.ts';
import { cutFrames, frameBytes, frameFault, type WireFrame } from '../reference/frames.ts';
import { check, type FuzzTarget } from '../target.ts';

const frameBytesMax = 64;

/** Feeds `wire` in pieces of the lengths that `pieces` says, each in memory that is overwritten afterwards. */
function readInPieces(
  wire: Uint8Array,
  pieces: Uint8Array,
): { frames: WireFrame[]; tooLong: number; kept: number } {
  const frames: WireFrame[] = [];
  let tooLong = 0;
  let cut: Buffer[] = [];
  let cutLeft = 0;
  const reader = new FrameReader(
    {
      frame: (type, flags, streamId, bytes, start, end) => {
        check(0 <= start && start <= end && end <= bytes.length, 'a payload outside of its buffer');
        frames.push({ type, flags, streamId, payload: Buffer.from(bytes.subarray(start, end)) });
      },
      dataBegins: (_flags, _streamId, lengthBytes) => {
        check(cutLeft === 0 && lengthBytes > 0, 'a frame in pieces is one that has bytes, and one at a time');
        cutLeft = lengthBytes;
        cut = [];
      },
      dataPiece: (flags, streamId, bytes, start, end, whole) => {
        check(0 <= start && start < end && end <= bytes.length, 'a piece outside of its buffer, or none');
        cut.push(Buffer.from(bytes.subarray(start, end)));
        cutLeft -= end - start;
        check(whole === (cutLeft === 0), 'the last piece is told to be the last');
        if (whole) frames.push({ type: 0, flags, streamId, payload: Buffer.concat(cut) });
      },
      frameTooLong: (length) => {
        check(tooLong === 0, 'a frame that is too long is told of once');
        tooLong = length;
      },
    },
    frameBytesMax,
  );
  for (let at = 0, turn = 0; at < wire.length; turn++) {
    const count = pieces.length === 0 ? wire.length : (pieces[turn % pieces.length] % 24) + 1;
    const piece = Buffer.alloc(Math.min(count, wire.length - at) + 4, 0xee);
    const length = piece.length - 4;
    piece.set(wire.subarray(at, at + length), 2);
    check(reader.receive(piece, 2, 2 + length) === 2 + length, 'all of a read is taken');
    piece.fill(0xdd);
    at += length;
  }
  return { frames, tooLong, kept: (reader as unknown as { carry: Buffer }).carry.length };
}

function run(input: Uint8Array): void {
  const source = new ByteSource(input);
  const pieces = source.take(source.below(5));
  const wire = Buffer.from(source.rest());
  const read = readInPieces(wire, pieces);
  const expected = cutFrames(wire, frameBytesMax);
  check(read.frames.length === expected.frames.length, 'the number of frames depends on the reads');
  for (const [i, frame] of expected.frames.entries()) {
    const got = read.frames[i];
    check(got.type === frame.type && got.flags === frame.flags, 'type and flags are the same');
    check(got.streamId === frame.streamId, 'the stream id is the same');
    check(got.payload.equals(frame.payload), 'the payload is the same');
    judge(frame);
  }
  check(read.tooLong === expected.tooLong, 'the same frame is too long');
  check(read.kept <= frameBytesMax + 9 + 64, 'no more than a frame is carried over');
}

function judge(frame: WireFrame): void {
  const { type, flags, streamId, payload } = frame;
  const around = Buffer.concat([Buffer.alloc(3, 0xff), payload, Buffer.alloc(3, 0xff)]);
  const error = frameError(type, flags, streamId, around, 3, 3 + payload.length);
  const faults = frameFault(frame);
  const same = faults.length === 0 ? error === 0 : faults.includes(error);
  check(
    same,
    `frame type ${type}: error ${error}, the RFC says ${faults.length === 0 ? 0 : faults.join(' or ')}`,
  );
}

function seeds(): Uint8Array[] {
  const payloads: ReadonlyArray<readonly [number, number, number, string]> = [
    [0, 0x9, 1, '026162630000'],
    [1, 0x2d, 3, '0100000000108284'],
    [2, 0, 5, '0000000310'],
    [3, 0, 1, '00000008'],
    [4, 0, 0, '000300000064000400010000'],
    [4, 1, 0, ''],
    [5, 0x4, 1, '0000000282'],
    [6, 0, 0, '0001020304050607'],
    [7, 0, 0, '0000000100000000646562'],
    [8, 0, 1, '00000001'],
    [9, 4, 1, '8287'],
    [0xff, 0xff, 0x7fffffff, 'abcdef'],
    [0, 0, 1, '00'.repeat(65)],
  ];
  const frames = payloads.map(([type, flags, id, hex]) =>
    frameBytes(type, flags, id, Buffer.from(hex, 'hex')),
  );
  const all = Buffer.concat([Buffer.of(0), ...frames]);
  return [
    all,
    Buffer.concat([Buffer.of(1, 0), ...frames]),
    ...frames.map((frame) => Buffer.concat([Buffer.of(2, 3, 8), frame])),
  ];
}

export const frame: FuzzTarget = {
  about: 'FrameReader and frameError agree with a naive reader, however the bytes are split',
  inputBytesMax: 512,
  recordBytes: 1,
  headBytes: 0,
  dictionary: [Buffer.of(0, 0, 0), Buffer.of(0, 0, 8), Buffer.of(0, 0, 64), Buffer.of(0, 0, 65)],
  seeds,
  run,
};
