import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import {
  contentStart,
  Flag,
  FrameType,
  frameBytesDefault,
  frameError,
  frameHeaderBytes,
  padLength,
  readU24,
  readU31,
  readU32,
} from '../../../src/http2/frame.ts';

/** The public frame test cases, beside the repository or where `OUTRIGGER_VECTORS` says. */
const vectors = process.env.OUTRIGGER_VECTORS ?? join(import.meta.dirname, '../../../../shared/vectors');
const folder = join(vectors, 'frames');

interface Vector {
  readonly error: readonly number[] | null;
  readonly wire: string;
  readonly description: string;
  readonly frame: {
    readonly length: number;
    readonly type: number;
    readonly flags: number;
    readonly stream_identifier: number;
    readonly frame_payload: Readonly<Record<string, unknown>>;
  } | null;
}

function vectorsOf(wanted: 'normal' | 'error'): Vector[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json'))
    .map((path) => JSON.parse(readFileSync(join(folder, path), 'utf8')) as Vector)
    .filter((vector) => (vector.error === null) === (wanted === 'normal'));
}

/** The error the reader or `frameError` finds. */
function errorOf(wire: Buffer): ErrorCode {
  const length = readU24(wire, 0);
  if (length > frameBytesDefault) return ErrorCode.FRAME_SIZE_ERROR;
  return frameError(wire[3], wire[4], readU31(wire, 5), wire, frameHeaderBytes, frameHeaderBytes + length);
}

/** The payload in the words of the vectors. */
function payloadOf(wire: Buffer): Record<string, unknown> {
  const [type, flags] = [wire[3], wire[4]];
  const start = frameHeaderBytes;
  const end = start + readU24(wire, 0);
  const pads = type === FrameType.DATA || type === FrameType.HEADERS || type === FrameType.PUSH_PROMISE;
  const padding = pads ? padLength(flags, wire, start) : 0;
  const priority = type === FrameType.HEADERS ? flags : flags & ~Flag.PRIORITY;
  const from = pads ? contentStart(priority, start) : start;
  const text = (at: number, to: number): string => wire.toString('latin1', at, to);
  const padded = (flags & Flag.PADDED) !== 0 && pads;
  const tail = {
    padding_length: padded ? padding : null,
    padding: padded ? text(end - padding, end) : null,
  };
  switch (type) {
    case FrameType.DATA:
      return { data: text(from, end - padding), ...tail };
    case FrameType.HEADERS: {
      const has = (flags & Flag.PRIORITY) !== 0;
      return {
        header_block_fragment: text(from, end - padding),
        stream_dependency: has ? readU31(wire, from - 5) : null,
        weight: has ? wire[from - 1] + 1 : null,
        exclusive: has ? wire[from - 5] >= 0x80 : null,
        ...tail,
      };
    }
    case FrameType.PUSH_PROMISE:
      return {
        promised_stream_id: readU31(wire, from),
        header_block_fragment: text(from + 4, end - padding),
        ...tail,
      };
    case FrameType.PRIORITY:
      return {
        stream_dependency: readU31(wire, start),
        weight: wire[start + 4] + 1,
        exclusive: wire[start] >= 0x80,
      };
    case FrameType.RST_STREAM:
      return { error_code: readU32(wire, start) };
    case FrameType.SETTINGS: {
      const settings: number[][] = [];
      for (let at = start; at < end; at += 6) settings.push([wire.readUInt16BE(at), readU32(wire, at + 2)]);
      return { settings };
    }
    case FrameType.PING:
      return { opaque_data: text(start, end) };
    case FrameType.GOAWAY:
      return {
        last_stream_id: readU31(wire, start),
        error_code: readU32(wire, start + 4),
        additional_debug_data: text(start + 8, end),
      };
    case FrameType.WINDOW_UPDATE:
      return { window_size_increment: readU31(wire, start) };
    default:
      return { header_block_fragment: text(start, end) };
  }
}

describe('http2/frame', () => {
  describe('vectors', () => {
    before(function () {
      if (existsSync(folder)) return;
      if (process.env.CI === 'true') throw new Error(`the frame vectors are missing: no folder ${folder}`);
      console.log(`      skipped: no folder ${folder}; set OUTRIGGER_VECTORS to where the vectors are`);
      this.skip();
    });

    it('that are normal are read as they say', () => {
      const all = vectorsOf('normal');
      expect(all.length).to.be.at.least(12);
      for (const { wire: hex, frame, description } of all) {
        const wire = Buffer.from(hex, 'hex');
        expect(errorOf(wire), description).to.equal(ErrorCode.NO_ERROR);
        expect([readU24(wire, 0), wire[3], wire[4], readU31(wire, 5)], description).to.deep.equal([
          frame!.length,
          frame!.type,
          frame!.flags,
          frame!.stream_identifier,
        ]);
        // Some files name more than there is, as null: PRIORITY with a padding.
        const named = Object.entries(frame!.frame_payload).filter(([, value]) => value !== null);
        expect(payloadOf(wire), description).to.include.keys(named.map(([key]) => key));
        for (const [key, value] of named)
          expect(payloadOf(wire)[key], `${description} ${key}`).to.deep.equal(value);
      }
    });

    it('that are wrong have one of the errors they name', () => {
      const all = vectorsOf('error');
      expect(all.length).to.be.at.least(22);
      for (const { wire, error, description } of all) {
        expect(errorOf(Buffer.from(wire, 'hex')), description).to.be.oneOf([...error!]);
      }
    });
  });

  it('numbers of 24, 31 and 32 bits are unsigned, and the reserved bit is ignored', () => {
    const ones = Buffer.alloc(4, 0xff);
    expect(readU24(ones, 0)).to.equal(0xff_ffff);
    expect(readU31(ones, 0)).to.equal(0x7fff_ffff);
    expect(readU32(ones, 0)).to.equal(0xffff_ffff);
  });

  const { NO_ERROR, PROTOCOL_ERROR, FRAME_SIZE_ERROR } = ErrorCode;
  const cases: ReadonlyArray<
    readonly [what: string, type: number, flags: number, id: number, hex: string, ErrorCode]
  > = [
    ['DATA of nothing', FrameType.DATA, 0, 1, '', NO_ERROR],
    [
      'PADDED HEADERS too short for its priority',
      FrameType.HEADERS,
      Flag.PRIORITY | Flag.PADDED,
      1,
      '0000000000',
      FRAME_SIZE_ERROR,
    ],
    [
      'PADDED PUSH_PROMISE of an odd stream',
      FrameType.PUSH_PROMISE,
      Flag.PADDED,
      1,
      '0000000003',
      PROTOCOL_ERROR,
    ],
    ['PADDED PUSH_PROMISE of an even stream', FrameType.PUSH_PROMISE, Flag.PADDED, 1, '0000000002', NO_ERROR],
    ['DATA that is all padding', FrameType.DATA, Flag.PADDED, 1, '020000', NO_ERROR],
    ['DATA with a padding of its own length', FrameType.DATA, Flag.PADDED, 1, '030000', PROTOCOL_ERROR],
    ['PADDED DATA without a length', FrameType.DATA, Flag.PADDED, 1, '', FRAME_SIZE_ERROR],
    ['HEADERS shorter than its priority', FrameType.HEADERS, Flag.PRIORITY, 1, '00000001', FRAME_SIZE_ERROR],
    [
      'HEADERS padded into its priority',
      FrameType.HEADERS,
      Flag.PRIORITY | Flag.PADDED,
      1,
      '010000000110',
      PROTOCOL_ERROR,
    ],
    ['HEADERS of priority alone', FrameType.HEADERS, Flag.PRIORITY, 1, '0000000110', NO_ERROR],
    ['SETTINGS of nothing', FrameType.SETTINGS, 0, 0, '', NO_ERROR],
    ['SETTINGS on a stream', FrameType.SETTINGS, 0, 1, '', PROTOCOL_ERROR],
    ['an ACK of SETTINGS with a payload', FrameType.SETTINGS, Flag.ACK, 0, '000100000000', FRAME_SIZE_ERROR],
    ['PING of eight', FrameType.PING, 0, 0, '0011223344556677', NO_ERROR],
    ['PING of nine', FrameType.PING, 0, 0, '001122334455667788', FRAME_SIZE_ERROR],
    ['GOAWAY of eight', FrameType.GOAWAY, 0, 0, '0000000000000000', NO_ERROR],
    ['GOAWAY of seven', FrameType.GOAWAY, 0, 0, '00000000000000', FRAME_SIZE_ERROR],
    ['WINDOW_UPDATE by 0', FrameType.WINDOW_UPDATE, 0, 0, '80000000', PROTOCOL_ERROR],
    ['WINDOW_UPDATE by the most', FrameType.WINDOW_UPDATE, 0, 0, 'ffffffff', NO_ERROR],
    ['CONTINUATION on the connection', FrameType.CONTINUATION, Flag.END_HEADERS, 0, '', PROTOCOL_ERROR],
    ['a type that nobody knows', 0xbe, 0xff, 77, '00', NO_ERROR],
  ];
  for (const [what, type, flags, id, hex, error] of cases) {
    it(`${what} is ${error === NO_ERROR ? 'fine' : `error ${error}`}`, () => {
      const payload = Buffer.from(hex, 'hex');
      expect(frameError(type, flags, id, payload, 0, payload.length)).to.equal(error);
    });
  }
});
