import { expect } from 'chai';
import fc from 'fast-check';
import { maskUnsafe, safeJson, safeText } from '../../../src/core/safe-text.ts';

const c0 = Array.from({ length: 0x20 }, (_, i) => i);
const delAndC1 = Array.from({ length: 0x21 }, (_, i) => 0x7f + i);
const others = [
  0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2069,
];
const loneSurrogates = [0xd800, 0xdbff, 0xdc00, 0xdfff];
const unsafe = [...c0, ...delAndC1, ...others, ...loneSurrogates];

describe('core/safe-text', () => {
  for (const code of unsafe) {
    const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
    it(`escapes ${name} in text and in JSON`, () => {
      const text = `a${String.fromCharCode(code)}b`;
      expect(safeText(text)).to.match(/^a\\(?:[nrt]|u[0-9a-f]{4})b$/);
      expect(maskUnsafe(text)).to.equal('a?b');
      const json = safeJson(JSON.stringify({ text }));
      expect(json).to.match(/^[\x20-\x7e]*$/);
      expect(JSON.parse(json)).to.deep.equal({ text });
    });
  }

  it('leaves all other text as it is', () => {
    for (const text of ['', 'plain "text" \\', 'Grüße 日本 😀', 'a\u00a0b\u0301']) {
      expect(safeText(text)).to.equal(text);
      expect(safeJson(text)).to.equal(text);
      expect(maskUnsafe(text)).to.equal(text);
    }
  });

  it('keeps the lines of a JSON text that is laid out, and its value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const json = JSON.stringify({ text }, null, 2);
        expect(JSON.parse(safeJson(json))).to.deep.equal({ text });
        expect(safeJson(json).split('\n')).to.have.length(3);
      }),
    );
  });
});
