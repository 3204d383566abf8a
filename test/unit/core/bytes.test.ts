import { expect } from 'chai';
import {
  ByteKey,
  copyAndJudge,
  copyOfBytes,
  equalBytes,
  hashBytes,
  isPlainText,
  latin1,
  writeBytes,
  writeLatin1,
} from '../../../src/core/bytes.ts';

const lengths = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 31, 32, 33, 80, 81, 255, 300, 512];
/** Bytes of every value, other ones for each length. */
function bytesOf(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 7 + length + 0xf0) & 0xff));
}

describe('bytes and binary strings', () => {
  it('become each other whatever the length, whatever stands around', () => {
    for (const length of lengths) {
      const wanted = bytesOf(length);
      const around = new Uint8Array(length + 10).fill(0x55);
      around.set(wanted, 5);
      const text = latin1(around, 5, 5 + length);
      expect(text).to.equal(wanted.toString('latin1'));
      const out = new Uint8Array(length + 10).fill(0x55);
      expect(writeLatin1(out, 5, text)).to.equal(5 + length);
      expect(out).to.deep.equal(around);
      out.fill(0x55);
      expect(writeBytes(out, 5, wanted)).to.equal(5 + length);
      expect(out).to.deep.equal(around);
      expect(copyOfBytes(around, 5, 5 + length)).to.deep.equal(wanted);
    }
  });

  it('are the same only where length and every byte are', () => {
    for (const length of lengths) {
      const around = Buffer.concat([Buffer.from('xyz'), bytesOf(length), Buffer.from('xyz')]);
      const key = new ByteKey(Buffer.from(around), 3, 3 + length);
      expect(equalBytes(around, 3, 3 + length, key)).to.equal(true);
      expect(equalBytes(around, 3, 4 + length, key)).to.equal(false);
      for (let at = 0; at < length; at++) {
        const other = Buffer.from(around);
        other[3 + at] ^= 1;
        expect(equalBytes(other, 3, 3 + length, key)).to.equal(false);
      }
    }
  });

  it('hash by what is in the run alone, and to different hashes wherever a longer run differs', () => {
    for (const length of lengths) {
      const around = Buffer.concat([bytesOf(length), Buffer.from('12345678')]);
      const hash = hashBytes(around, 0, length, 1);
      around.fill(0, length);
      expect(hashBytes(around, 0, length, 1)).to.equal(hash);
    }
    for (const length of [65, 100, 255, 300, 512]) {
      const run = bytesOf(length);
      for (let at = 0; at + 40 <= length; at++) {
        const other = Buffer.from(run);
        for (let i = at; i < at + 40; i++) other[i] = (i * 131) & 0xff;
        expect(hashBytes(other, 0, length, 1), `${at} of ${length}`).not.to.equal(
          hashBytes(run, 0, length, 1),
        );
      }
    }
  });

  it('hash alike where they are alike, and differently with another seed or a run of other bytes', () => {
    for (const length of lengths.filter((length) => length >= 33)) {
      const first = bytesOf(length);
      const second = Buffer.from(first);
      second.fill(0x77, 1, 31);
      expect(hashBytes(first, 0, length, 1)).to.equal(hashBytes(Buffer.from(first), 0, length, 1));
      expect(hashBytes(first, 0, length, 1)).not.to.equal(hashBytes(first, 0, length, 2));
      expect(hashBytes(first, 0, length, 1)).not.to.equal(hashBytes(second, 0, length, 1));
    }
  });

  it('hash differently where any one byte is another, if every byte is asked for', () => {
    for (const length of lengths.filter((length) => length > 0)) {
      const wanted = bytesOf(length);
      const hash = hashBytes(wanted, 0, length, 0, length);
      for (let at = 0; at < length; at++) {
        const other = Buffer.from(wanted);
        other[at] ^= 1 << (at & 7);
        expect(hashBytes(other, 0, length, 0, length), `${length}, ${at}`).not.to.equal(hash);
      }
    }
  });

  it('are plain text where they are printable ASCII with no space at either end, wherever another one stands', () => {
    for (const length of [0, 1, 2, 3, 4, 5, 7, 8, 9, 33]) {
      for (let at = 0; at < length; at++) {
        for (let byte = 0; byte < 256; byte++) {
          const bytes = Buffer.alloc(length + 4, 0x7e);
          bytes[2 + at] = byte;
          const edge = at === 0 || at === length - 1;
          const plain = byte >= (edge ? 0x21 : 0x20) && byte <= 0x7e;
          expect(isPlainText(bytes, 2, 2 + length), `${byte} at ${at} of ${length}`).to.equal(plain);
          if (length < 4) continue;
          const out = Buffer.alloc(length + 5, 0x55);
          const view = new DataView(out.buffer, out.byteOffset, out.length);
          expect(copyAndJudge(bytes, 2, 2 + length, view, 3), `${byte} at ${at}`).to.equal(plain);
          const copied = Buffer.concat([
            Buffer.from('UUU'),
            bytes.subarray(2, 2 + length),
            Buffer.from('UU'),
          ]);
          expect(out.equals(copied), `${byte} at ${at} of ${length}`).to.equal(true);
        }
      }
    }
    expect(isPlainText(Buffer.from('\0'), 1, 1)).to.equal(true);
  });
});
