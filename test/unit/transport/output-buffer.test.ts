import { expect } from 'chai';
import { blockPool } from '../../../src/core/block-pool.ts';
import { OutputBuffer } from '../../../src/transport/output-buffer.ts';

function write(out: OutputBuffer, count: number, byte: number): void {
  out.reserve(count);
  out.bytes.fill(byte, out.length, out.length + count);
  out.length += count;
}

describe('http2/output-buffer', () => {
  it('keeps what was written as it grows through every size', () => {
    const out = new OutputBuffer(8);
    const counts = [5, 100, 4000, 60_000, 100_000, 600_000, 2_000_000];
    for (const [index, count] of counts.entries()) write(out, count, index + 1);
    let at = 0;
    for (const [index, count] of counts.entries()) {
      expect(out.bytes.subarray(at, at + count).every((byte) => byte === index + 1)).to.equal(true);
      at += count;
    }
    expect(out.length).to.equal(at);
  });

  it('gives a burst back when it is cleared: an idle connection keeps 4 KiB', () => {
    const out = new OutputBuffer();
    for (const burst of [5000, 200_000, 3_000_000]) {
      write(out, burst, 1);
      out.clear();
      expect(out.length).to.equal(0);
      expect(out.bytes.length).to.equal(4096);
    }
  });

  it('takes what a burst needs, and room for more of it above 16 KiB', () => {
    for (const [bytes, room] of [
      [4096, 4096],
      [4097, 16_384],
      [16_384, 16_384],
      [16_385, 131_072],
      [65_536, 131_072],
      [65_537, 524_288],
    ]) {
      const out = new OutputBuffer();
      write(out, bytes, 1);
      expect(out.bytes.length, `${bytes}`).to.equal(room);
      expect(out.isPooled).to.equal(bytes > 4096);
    }
  });

  it('keeps what it grew to up to 4 KiB as its own', () => {
    const out = new OutputBuffer(8);
    write(out, 4096, 1);
    expect(out.isPooled).to.equal(false);
    const { bytes } = out;
    out.clear();
    expect(out.bytes).to.equal(bytes);
  });

  it('gives back the smaller block when a burst outgrows it, but never its own memory', () => {
    blockPool.clear();
    const out = new OutputBuffer();
    const own = out.bytes;
    write(out, 10_000, 1);
    const first = out.bytes;
    write(out, 90_000, 2);
    expect([blockPool.acquire(10_000), blockPool.acquire(4096)])
      .to.include(first)
      .and.not.include(own);
    out.clear();
    expect(out.bytes).to.equal(own);
  });

  it('keeps its own memory from one flush to the next', () => {
    const out = new OutputBuffer();
    const { bytes } = out;
    write(out, 100, 1);
    out.clear();
    write(out, 100, 2);
    expect(out.bytes).to.equal(bytes);
  });

  it('acquires a released block, for one connection at a time', () => {
    const first = new OutputBuffer();
    write(first, 10_000, 1);
    const block = first.bytes;
    const second = new OutputBuffer();
    write(second, 10_000, 2);
    expect(second.bytes).not.to.equal(block);
    first.clear();
    const third = new OutputBuffer();
    write(third, 10_000, 3);
    expect(third.bytes).to.equal(block);
    expect(second.bytes[0]).to.equal(2);
  });

  it('is seen by words wherever its memory is, and no view holds pooled memory', () => {
    const out = new OutputBuffer();
    const own = out.view;
    for (const count of [100, 10_000, 300_000]) {
      write(out, count, 3);
      out.view.setInt32(out.length - 4, 0x01020304);
      expect([...out.bytes.subarray(out.length - 5, out.length)]).to.deep.equal([3, 1, 2, 3, 4]);
    }
    out.clear();
    expect(out.view.buffer).to.equal(out.bytes.buffer);
    expect(out.view.byteLength).to.equal(own.byteLength);
    write(out, 10_000, 3);
    expect(out.view.buffer).to.equal(out.bytes.buffer);
    out.renew();
    expect(out.view.buffer).to.equal(out.bytes.buffer);
  });

  it('leaves memory alone that the transport still holds', () => {
    for (const count of [100, 10_000, 1_000_000]) {
      const out = new OutputBuffer();
      write(out, count, 7);
      const held = out.bytes.subarray(0, count);
      expect(out.isPooled).to.equal(count > 4096);
      expect(out.renew().buffer).to.equal(held.buffer);
      expect(out.isPooled).to.equal(false);
      expect(out.length).to.equal(0);
      for (let again = 0; again < 5; again++) {
        write(out, count, 9);
        out.clear();
      }
      expect(held.every((byte) => byte === 7)).to.equal(true);
    }
  });
});
