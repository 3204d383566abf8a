import { expect } from 'chai';
import {
  copyAndJudge,
  copyOctets,
  hashOctets,
  isPlainText,
  latin1,
  OctetKey,
  sameOctets,
  writeLatin1,
  writeOctets,
} from '../../../../src/http2/hpack/octets.ts';

const lengths = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 31, 32, 33, 80, 81, 255, 300, 512];
/** Octets of every value, other ones for each length. */
function octets(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 7 + length + 0xf0) & 0xff));
}

describe('octets and binary strings', () => {
  it('become each other whatever the length, whatever stands around', () => {
    for (const length of lengths) {
      const wanted = octets(length);
      const around = new Uint8Array(length + 10).fill(0x55);
      around.set(wanted, 5);
      const text = latin1(around, 5, 5 + length);
      expect(text).to.equal(wanted.toString('latin1'));
      const out = new Uint8Array(length + 10).fill(0x55);
      expect(writeLatin1(out, 5, text)).to.equal(5 + length);
      expect(out).to.deep.equal(around);
      out.fill(0x55);
      expect(writeOctets(out, 5, wanted)).to.equal(5 + length);
      expect(out).to.deep.equal(around);
      expect(copyOctets(around, 5, 5 + length)).to.deep.equal(wanted);
    }
  });

  it('are the same only where length and every octet are', () => {
    for (const length of lengths) {
      const around = Buffer.concat([Buffer.from('xyz'), octets(length), Buffer.from('xyz')]);
      const key = new OctetKey(Buffer.from(around), 3, 3 + length);
      expect(sameOctets(around, 3, 3 + length, key)).to.equal(true);
      expect(sameOctets(around, 3, 4 + length, key)).to.equal(false);
      for (let at = 0; at < length; at++) {
        const other = Buffer.from(around);
        other[3 + at] ^= 1;
        expect(sameOctets(other, 3, 3 + length, key)).to.equal(false);
      }
    }
  });

  it('hash by what is in the run alone, and to different hashes wherever a longer run differs', () => {
    for (const length of lengths) {
      const around = Buffer.concat([octets(length), Buffer.from('12345678')]);
      const hash = hashOctets(around, 0, length, 1);
      around.fill(0, length);
      expect(hashOctets(around, 0, length, 1)).to.equal(hash);
    }
    for (const length of [65, 100, 255, 300, 512]) {
      const run = octets(length);
      for (let at = 0; at + 40 <= length; at++) {
        const other = Buffer.from(run);
        for (let i = at; i < at + 40; i++) other[i] = (i * 131) & 0xff;
        expect(hashOctets(other, 0, length, 1), `${at} of ${length}`).not.to.equal(
          hashOctets(run, 0, length, 1),
        );
      }
    }
  });

  it('hash alike where they are alike, and differently with another seed or a run of other octets', () => {
    for (const length of lengths.filter((length) => length >= 33)) {
      const first = octets(length);
      const second = Buffer.from(first);
      second.fill(0x77, 1, 31);
      expect(hashOctets(first, 0, length, 1)).to.equal(hashOctets(Buffer.from(first), 0, length, 1));
      expect(hashOctets(first, 0, length, 1)).not.to.equal(hashOctets(first, 0, length, 2));
      expect(hashOctets(first, 0, length, 1)).not.to.equal(hashOctets(second, 0, length, 1));
    }
  });

  it('hash differently where any one octet is another, if every octet is asked for', () => {
    for (const length of lengths.filter((length) => length > 0)) {
      const wanted = octets(length);
      const hash = hashOctets(wanted, 0, length, 0, length);
      for (let at = 0; at < length; at++) {
        const other = Buffer.from(wanted);
        other[at] ^= 1 << (at & 7);
        expect(hashOctets(other, 0, length, 0, length), `${length}, ${at}`).not.to.equal(hash);
      }
    }
  });

  it('are plain text where they are printable ASCII with no space at either end, wherever another one stands', () => {
    for (const length of [0, 1, 2, 3, 4, 5, 7, 8, 9, 33]) {
      for (let at = 0; at < length; at++) {
        for (let octet = 0; octet < 256; octet++) {
          const bytes = Buffer.alloc(length + 4, 0x7e);
          bytes[2 + at] = octet;
          const edge = at === 0 || at === length - 1;
          const plain = octet >= (edge ? 0x21 : 0x20) && octet <= 0x7e;
          expect(isPlainText(bytes, 2, 2 + length), `${octet} at ${at} of ${length}`).to.equal(plain);
          if (length < 4) continue;
          const out = Buffer.alloc(length + 5, 0x55);
          const view = new DataView(out.buffer, out.byteOffset, out.length);
          expect(copyAndJudge(bytes, 2, 2 + length, view, 3), `${octet} at ${at}`).to.equal(plain);
          const copied = Buffer.concat([
            Buffer.from('UUU'),
            bytes.subarray(2, 2 + length),
            Buffer.from('UU'),
          ]);
          expect(out.equals(copied), `${octet} at ${at} of ${length}`).to.equal(true);
        }
      }
    }
    expect(isPlainText(Buffer.from('\0'), 1, 1)).to.equal(true);
  });
});
