import { expect } from 'chai';
import fc from 'fast-check';
import {
  Cursor,
  INTEGER_OVERFLOW,
  INTEGER_TRUNCATED,
  integerBytesMax,
  readInteger,
  writeInteger,
} from '../../../../src/http2/hpack/integer.ts';
import { hex } from './support.ts';

function read(bytes: Uint8Array, prefixBits: number): { value: number; position: number } {
  const cursor = new Cursor();
  cursor.set(bytes, 0, bytes.length);
  return { value: readInteger(cursor, prefixBits), position: cursor.position };
}
function written(pattern: number, prefixBits: number, value: number): string {
  const out = Buffer.alloc(integerBytesMax);
  return out.subarray(0, writeInteger(out, 0, pattern, prefixBits, value)).toString('hex');
}

describe('HPACK integers', () => {
  it('are those of RFC 7541 appendix C.1', () => {
    expect(written(0, 5, 10)).to.equal('0a');
    expect(written(0, 5, 1337)).to.equal('1f9a0a');
    expect(written(0, 8, 42)).to.equal('2a');
    expect(read(hex('ea'), 5)).to.deep.equal({ value: 10, position: 1 });
    expect(read(hex('1f9a0a'), 5)).to.deep.equal({ value: 1337, position: 3 });
    expect(read(hex('2a'), 8)).to.deep.equal({ value: 42, position: 1 });
  });

  it('leave what stands above the prefix', () => {
    expect(written(0x20, 5, 31)).to.equal('3f00');
    expect(written(0x80, 7, 127)).to.equal('ff00');
    expect(written(0x10, 4, 14)).to.equal('1e');
  });

  it('go up to 2^32 - 1 and no further', () => {
    expect(written(0, 5, 0xffff_ffff)).to.equal('1fe0ffffff0f');
    expect(integerBytesMax).to.equal(6);
    expect(read(hex('1fe0ffffff0f'), 5).value).to.equal(0xffff_ffff);
    expect(read(hex('1fe1ffffff0f'), 5).value).to.equal(INTEGER_OVERFLOW);
    expect(read(hex('1fffffffff7f'), 5).value).to.equal(INTEGER_OVERFLOW);
  });

  it('may be padded with zeros, but not beyond five bytes', () => {
    expect(read(hex('1f8000'), 5).value).to.equal(31);
    expect(read(hex('1f8080808000'), 5).value).to.equal(31);
    expect(read(hex('1f808080808000'), 5).value).to.equal(INTEGER_OVERFLOW);
  });

  it('must end before the block does', () => {
    for (const cut of ['', '1f', '1f9a', '1f80808080'])
      expect(read(hex(cut), 5).value, cut).to.equal(INTEGER_TRUNCATED);
  });

  it('are read as they were written', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.integer({ min: 1, max: 8 }), (value, prefixBits) => {
        const out = Buffer.alloc(integerBytesMax);
        const end = writeInteger(out, 0, 0, prefixBits, value);
        expect(read(out.subarray(0, end), prefixBits)).to.deep.equal({ value, position: end });
      }),
    );
  });
});
