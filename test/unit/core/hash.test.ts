import { expect } from 'chai';
import fc from 'fast-check';
import { hash32, mix32 } from '../../../src/core/hash.ts';

describe('hash32', () => {
  // Vectors of the reference implementation, as Wikipedia lists them.
  for (const [text, seed, expected] of [
    ['', 0, 0x00000000],
    ['', 1, 0x514e28b7],
    ['test', 0, 0xba6bd213],
    ['test', 0x9747b28c, 0x704b81dc],
    ['Hello, world!', 0, 0xc0363e43],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
  ] as const) {
    it(`is MurmurHash3 of "${text}", seed ${seed}`, () => {
      expect(hash32(text, seed) >>> 0).to.equal(expected);
    });
  }

  it('is a signed 32-bit integer for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(hash32(text)).to.equal(hash32(text) | 0);
      }),
    );
  });
});

describe('mix32', () => {
  it('is one to one', () => {
    const seen = new Set(Array.from({ length: 100_000 }, (_, i) => mix32(i * 40_503)));
    expect(seen.size).to.equal(100_000);
  });
});
