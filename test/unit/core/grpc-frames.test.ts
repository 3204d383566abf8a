import { deflateSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { GrpcFrameReader, grpcFrame } from '../../../src/core/grpc-frames.ts';

const bytesMax = 4096;
const framed = (bytes: Buffer, flag = 0): Buffer => {
  const frame = grpcFrame(bytes);
  frame[0] = flag;
  return frame;
};
const read = (bytes: Buffer, encoding = ''): [string, string[]] => {
  const messages: string[] = [];
  const reader = new GrpcFrameReader(bytesMax, 'Pong');
  const wrong = reader.push(bytes, encoding, (message) => messages.push(message.toString()));
  return [wrong, messages];
};

describe('core/grpc-frames', () => {
  it('takes a message of the most bytes, and none of more', () => {
    expect(read(framed(Buffer.alloc(bytesMax)))[1]).to.have.length(1);
    expect(read(framed(Buffer.alloc(bytesMax + 1)))).to.deep.equal([
      'a message of 4097 bytes, which is no Pong',
      [],
    ]);
  });

  it('undoes gzip and deflate, and nothing else', () => {
    const plain = Buffer.from('hello');
    expect(read(framed(gzipSync(plain), 1), 'gzip')).to.deep.equal(['', ['hello']]);
    expect(read(framed(deflateSync(plain), 1), 'deflate')).to.deep.equal(['', ['hello']]);
    const unreadable = ['a compressed message that cannot be read', []];
    expect(read(framed(gzipSync(plain), 1), 'deflate')).to.deep.equal(unreadable);
    expect(read(framed(deflateSync(plain), 1), 'br')).to.deep.equal(unreadable);
    expect(read(framed(gzipSync(plain), 1), '')).to.deep.equal(unreadable);
    expect(read(framed(gzipSync(Buffer.alloc(bytesMax + 1)), 1), 'gzip'), 'a bomb').to.deep.equal(unreadable);
  });

  it('gives the same messages however the bytes are split', () => {
    const texts = fc.array(fc.string({ maxLength: 40 }), { maxLength: 5 });
    fc.assert(
      fc.property(texts, fc.array(fc.nat(250), { maxLength: 10 }), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map((text) => grpcFrame(Buffer.from(text))));
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const reader = new GrpcFrameReader(bytesMax, 'Pong');
        const got: string[] = [];
        for (let i = 1; i < at.length; i++)
          expect(reader.push(bytes.subarray(at[i - 1], at[i]), '', (one) => got.push(String(one)))).to.equal(
            '',
          );
        expect(got).to.deep.equal(sent);
      }),
    );
  });
});
