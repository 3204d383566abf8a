import { expect } from 'chai';
import { dropSpareBlocks, giveBlockBack, lendBlock } from '../../../src/core/blocks.ts';

describe('core/blocks', () => {
  it('lends the least size with room, and what is larger than any made to measure', () => {
    const lengths = [1, 257, 4096, 4097, 16_384, 65_536, 65_537, 524_288, 524_289].map(
      (n) => lendBlock(n).length,
    );
    expect(lengths).to.deep.equal([256, 4096, 4096, 16_384, 16_384, 65_536, 131_072, 524_288, 524_289]);
  });

  it('lends what was given back, to one at a time', () => {
    const block = lendBlock(16_384);
    giveBlockBack(block);
    expect(lendBlock(10_000)).to.equal(block);
    expect(lendBlock(10_000)).not.to.equal(block);
  });

  it('knows a block that is given back twice: it would be in two calls at once', () => {
    const block = lendBlock(4096);
    giveBlockBack(block);
    expect(() => giveBlockBack(block)).to.throw('twice');
    lendBlock(4096);
  });

  it('keeps no more than a few of each size, and none of any other', () => {
    for (const bytes of [4096, 16_384, 65_536, 131_072, 524_288, 777_777]) {
      const blocks = Array.from({ length: 100 }, () => lendBlock(bytes));
      for (const block of blocks) giveBlockBack(block);
      const again = new Set(Array.from({ length: 100 }, () => lendBlock(bytes)));
      const kept = blocks.filter((block) => again.has(block)).length;
      expect(kept * bytes).to.be.at.most(12_582_912);
      expect(kept > 0).to.equal(bytes <= 524_288);
      expect(kept).to.be.below(100);
    }
  });

  it('keeps enough small ones for a thousand calls in flight with a request each', () => {
    const blocks = Array.from({ length: 5000 }, () => lendBlock(25));
    for (const block of blocks) giveBlockBack(block);
    const again = new Set(Array.from({ length: 5000 }, () => lendBlock(25)));
    expect(blocks.filter((block) => again.has(block)).length).to.equal(4096);
  });

  it('keeps none once they are dropped', () => {
    const block = lendBlock(16_384);
    giveBlockBack(block);
    dropSpareBlocks();
    expect(lendBlock(16_384)).not.to.equal(block);
  });
});
