import { expect } from 'chai';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { Flag, FrameType } from '../../../src/http2/frame.ts';
import { FrameWriter } from '../../../src/http2/frame-writer.ts';
import { HpackDecoder } from '../../../src/http2/hpack/decoder.ts';
import { HpackEncoder } from '../../../src/http2/hpack/encoder.ts';
import { OutputBuffer } from '../../../src/transport/output-buffer.ts';
import { framesOf } from './support.ts';

function writer() {
  const out = new OutputBuffer(16);
  let writes = 0;
  const made = new FrameWriter(out, new HpackEncoder(), () => writes++);
  return {
    made,
    bytes: () => Buffer.from(out.bytes.subarray(0, out.length)),
    frames: () => framesOf(Buffer.from(out.bytes.subarray(0, out.length))),
    writes: () => writes,
  };
}

describe('http2/frame-writer', () => {
  it('writes DATA from within a buffer, short or long, with its flag', () => {
    const { made, frames } = writer();
    const body = Buffer.from(Array.from({ length: 300 }, (_, index) => index & 0xff));
    made.data(5, body, 1, 4, false);
    made.data(5, body, 0, 300, false);
    made.data(7, body, 10, 210, true);
    made.data(9, body, 3, 3, true);
    expect(frames()).to.deep.equal([
      { type: FrameType.DATA, flags: 0, id: 5, payload: body.subarray(1, 4) },
      { type: FrameType.DATA, flags: 0, id: 5, payload: body },
      { type: FrameType.DATA, flags: Flag.END_STREAM, id: 7, payload: body.subarray(10, 210) },
      { type: FrameType.DATA, flags: Flag.END_STREAM, id: 9, payload: Buffer.alloc(0) },
    ]);
  });

  it('writes the small frames as the RFC lays them out', () => {
    const { made, bytes } = writer();
    made.rstStream(0x7fff_ffff, 0xffff_ffff);
    made.windowUpdate(0, 0x7fff_ffff);
    made.settings([
      [1, 0],
      [0x4, 65_536],
    ]);
    made.settingsAck();
    made.ping(true, Buffer.from('..01234567..'), 2);
    made.goaway(3, 0xb, 'calm');
    expect(bytes().toString('hex')).to.equal(
      [
        '00000403007fffffffffffffff',
        '0000040800000000007fffffff',
        '00000c040000000000000100000000000400010000',
        '000000040100000000',
        '0000080601000000003031323334353637',
        '00000c070000000000000000030000000b63616c6d',
      ].join(''),
    );
  });

  it('makes room for every frame, however full the buffer is', () => {
    const body = Buffer.from('body of a frame');
    const each: Array<(made: FrameWriter) => void> = [
      (made) => made.data(1, body, 0, body.length, true),
      (made) => made.headers(1, HeaderBlock.of([':status', '200']), true),
      (made) => made.rstStream(1, 8),
      (made) => made.windowUpdate(1, 1),
      (made) => made.settings([[4, 65_536]]),
      (made) => made.settingsAck(),
      (made) => made.ping(false, Buffer.from('01234567'), 0),
      (made) => made.goaway(1, 0, 'calm'),
      (made) => made.raw(body),
    ];
    const written = (write: (made: FrameWriter) => void, room: number): string => {
      const out = new OutputBuffer();
      const from = out.bytes.length - room;
      out.length = from;
      write(new FrameWriter(out, new HpackEncoder(), () => {}));
      return out.bytes.toString('hex', from, out.length);
    };
    for (const write of each)
      for (let room = 0; room < 30; room++) expect(written(write, room)).to.equal(written(write, 4000));
  });

  it('reports the first frame after each flush, whatever it is', () => {
    const { made, writes } = writer();
    const each = [
      () => made.raw(Buffer.from('PRI')),
      () => made.settingsAck(),
      () => made.windowUpdate(1, 1),
      () => made.headers(1, HeaderBlock.of([':status', '200']), true),
      () => made.data(1, Buffer.from('x'), 0, 1, true),
    ];
    for (const [i, write] of each.entries()) {
      write();
      made.settingsAck();
      expect(writes()).to.equal(i + 1);
      made.notified = false;
    }
  });

  it('writes a head as one HEADERS frame', () => {
    const { made, frames } = writer();
    made.headers(3, HeaderBlock.of([':status', '200']), false);
    made.headers(3, HeaderBlock.of(['grpc-status', '0']), true);
    const [head, trailers] = frames();
    expect([head.type, head.flags, head.id]).to.deep.equal([FrameType.HEADERS, Flag.END_HEADERS, 3]);
    expect(trailers.flags).to.equal(Flag.END_HEADERS | Flag.END_STREAM);
  });

  for (const [bytes, count] of [
    [16_384, 1],
    [16_385, 2],
    [32_768, 2],
    [40_000, 3],
  ] as const) {
    it(`splits a header block of ${bytes} bytes into ${count}`, () => {
      const { made, frames } = writer();
      const fixed = blockBytes(bytes - 10) - (bytes - 10);
      const block = HeaderBlock.of(['x', 'é'.repeat(bytes - fixed)]);
      made.headers(1, block, true);
      const all = frames();
      expect(all.length).to.equal(count);
      expect(all.map(({ type }) => type)).to.deep.equal([
        FrameType.HEADERS,
        ...Array.from({ length: count - 1 }, () => FrameType.CONTINUATION),
      ]);
      // END_STREAM stands on HEADERS, END_HEADERS on the last frame, and no other flag anywhere (section 6.10).
      for (const [index, { flags }] of all.entries()) {
        const wanted = (index === 0 ? Flag.END_STREAM : 0) | (index === count - 1 ? Flag.END_HEADERS : 0);
        expect(flags).to.equal(wanted);
      }
      const wire = Buffer.concat(all.map(({ payload }) => payload));
      expect(wire.length).to.equal(bytes);
      const decoder = new HpackDecoder({ tableBytesMax: 4096, listBytesMax: 1 << 20, fieldsMax: 10 });
      expect(decoder.decode(wire, 0, wire.length)?.get('x')).to.equal(block.get('x'));
    });
  }

  it('keeps to a larger frame size when the peer allows it', () => {
    const { made, frames } = writer();
    made.maxFrameBytes = 65_536;
    made.headers(1, HeaderBlock.of(['x', 'é'.repeat(40_000)]), false);
    expect(frames().length).to.equal(1);
  });
});

/** Bytes of a block with one field whose value has so many bytes. */
function blockBytes(valueBytes: number): number {
  const out = new OutputBuffer(16);
  new HpackEncoder().encode(HeaderBlock.of(['x', 'é'.repeat(valueBytes)]), out);
  return out.length;
}
