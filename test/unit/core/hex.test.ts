import { expect } from 'chai';
import fc from 'fast-check';
import { hex32, hexValues, hexWordAt, wordOfHex, writeHex32 } from '../../../src/core/hex.ts';

describe('core/hex', () => {
  it('writes 32 bits as 8 digits, as text and as bytes, and reads them back', () => {
    fc.assert(
      fc.property(fc.integer(), (word) => {
        const text = hex32(word);
        const out = Buffer.from('xx--------xx');
        expect(writeHex32(out, 2, word)).to.equal(10);
        expect(text).to.equal((word >>> 0).toString(16).padStart(8, '0'));
        expect(out.toString()).to.equal(`xx${text}xx`);
        expect(wordOfHex(`xx${text}`, 2)).to.equal(word);
        expect(hexWordAt(`xx${text}`, 2)).to.equal(word);
      }),
    );
  });

  it('reads no word where one of the 8 characters is no digit', () => {
    for (let at = 0; at < 8; at++)
      for (const wrong of ['g', 'A', '-', ' ', '\0', 'Ā', 'İ', '']) {
        const text = `${'1'.repeat(at)}${wrong}${'1'.repeat(7 - at)}`;
        expect(hexWordAt(text, 0), JSON.stringify(text)).to.be.NaN;
      }
  });

  it('knows the digits of either case apart', () => {
    for (let code = 0; code < 256; code++) {
      const digit = '0123456789abcdef'.indexOf(String.fromCharCode(code));
      expect(hexValues[code]).to.equal(digit < 0 ? 255 : digit);
    }
  });
});
