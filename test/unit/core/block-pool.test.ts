import { expect } from 'chai';
import { blockPool } from '../../../src/core/block-pool.ts';

describe('core/block-pool', () => {
  it('acquires the smallest size with room, and a new buffer above the largest', () => {
    const lengths = [1, 257, 4096, 4097, 16_384, 65_536, 65_537, 524_288, 524_289].map(
      (n) => blockPool.acquire(n).length,
    );
    expect(lengths).to.deep.equal([256, 4096, 4096, 16_384, 16_384, 65_536, 131_072, 524_288, 524_289]);
  });

  it('acquires a released block, once', () => {
    const block = blockPool.acquire(16_384);
    blockPool.release(block);
    expect(blockPool.acquire(10_000)).to.equal(block);
    expect(blockPool.acquire(10_000)).not.to.equal(block);
  });

  it('throws where a block is released twice: two calls would share it', () => {
    const block = blockPool.acquire(4096);
    blockPool.release(block);
    expect(() => blockPool.release(block)).to.throw('twice');
    blockPool.acquire(4096);
  });

  it('keeps no more than a few of each size, and none of any other', () => {
    for (const bytes of [4096, 16_384, 65_536, 131_072, 524_288, 777_777]) {
      const blocks = Array.from({ length: 100 }, () => blockPool.acquire(bytes));
      for (const block of blocks) blockPool.release(block);
      const again = new Set(Array.from({ length: 100 }, () => blockPool.acquire(bytes)));
      const kept = blocks.filter((block) => again.has(block)).length;
      expect(kept * bytes).to.be.at.most(12_582_912);
      expect(kept > 0).to.equal(bytes <= 524_288);
      expect(kept).to.be.below(100);
    }
  });

  it('keeps enough small ones for a thousand calls in flight with a request each', () => {
    const blocks = Array.from({ length: 5000 }, () => blockPool.acquire(25));
    for (const block of blocks) blockPool.release(block);
    const again = new Set(Array.from({ length: 5000 }, () => blockPool.acquire(25)));
    expect(blocks.filter((block) => again.has(block)).length).to.equal(4096);
  });

  it('keeps no block after clear()', () => {
    const block = blockPool.acquire(16_384);
    blockPool.release(block);
    blockPool.clear();
    expect(blockPool.acquire(16_384)).not.to.equal(block);
  });
});
