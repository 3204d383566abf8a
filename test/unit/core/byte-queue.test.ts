import { expect } from 'chai';
import fc from 'fast-check';
import { blockPool } from '../../../src/core/block-pool.ts';
import { ByteQueue } from '../../../src/core/byte-queue.ts';

function take(queue: ByteQueue, limit: number): Buffer {
  let taken: Buffer = Buffer.alloc(0);
  const count = queue.shift(limit, (bytes, start, end) => {
    taken = Buffer.from(bytes.subarray(start, end));
  });
  expect(count).to.equal(taken.length);
  return taken;
}

describe('core/byte-queue', () => {
  it('gives back what was put in, in order, whatever the pieces', () => {
    const step = fc.oneof(
      fc.record({ push: fc.oneof(fc.nat(20), fc.constantFrom(4095, 4096, 4097, 9000)) }),
      fc.record({ limit: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constantFrom(4096, 16_384)) }),
    );
    const all = Buffer.from(Array.from({ length: 700_000 }, (_, index) => (index * 31) & 0xff));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const queue = new ByteQueue();
        let put = 0;
        let got = 0;
        const takeAndCompare = (limit: number): void => {
          const taken = take(queue, limit);
          expect(taken.length).to.be.at.most(limit);
          expect(taken.equals(all.subarray(got, got + taken.length))).to.equal(true);
          got += taken.length;
        };
        for (const one of steps) {
          if ('push' in one) {
            const bytes = Buffer.concat([Buffer.of(0), all.subarray(put, put + one.push), Buffer.of(0)]);
            queue.push(bytes, 1, 1 + one.push);
            bytes.fill(0);
            put += one.push;
          } else takeAndCompare(one.limit);
          expect(queue.length).to.equal(put - got);
        }
        while (queue.length > 0) takeAndCompare(5000);
        expect(got).to.equal(put);
      }),
      { numRuns: 200 },
    );
  });

  it('puts tiny pieces together: 10,000 of one byte cost two blocks, not 10,000', () => {
    const queue = new ByteQueue();
    for (let i = 0; i < 10_000; i++) queue.push(Buffer.of(1), 0, 1);
    expect((queue as unknown as { blocks: unknown[] }).blocks.length).to.equal(2);
    let pieces = 0;
    while (take(queue, 16_384).length > 0) pieces++;
    expect(pieces).to.equal(2);
  });

  it('gives its blocks back: the last one when it is empty, the others as they are used up, all when it is cleared', () => {
    const queue = new ByteQueue();
    /** The blocks that the queue used for so many bytes, and how many of them the stock has afterwards. */
    const givenBack = (bytes: number, end: () => void): [used: number, back: number] => {
      blockPool.clear();
      queue.push(Buffer.alloc(bytes), 0, bytes);
      const blocks = [...(queue as unknown as { blocks: Buffer[] }).blocks];
      end();
      const lent = blocks.flatMap(() => [blockPool.acquire(4096), blockPool.acquire(16_384)]);
      return [blocks.length, blocks.filter((block) => lent.includes(block)).length];
    };
    expect(givenBack(100, () => take(queue, 99))).to.deep.equal([1, 0]);
    take(queue, 1);
    expect(givenBack(100, () => take(queue, 100))).to.deep.equal([1, 1]);
    expect(givenBack(40_000, () => take(queue, 16_384))).to.deep.equal([3, 1]);
    queue.clear();
    expect(givenBack(40_000, () => queue.clear())).to.deep.equal([3, 3]);
  });

  it('puts up to 4 KiB into a small block, and more into larger ones', () => {
    for (const [bytes, block] of [
      [1, 4096],
      [4096, 4096],
      [4097, 16_384],
    ]) {
      const queue = new ByteQueue();
      queue.push(Buffer.alloc(bytes), 0, bytes);
      const blocks = (queue as unknown as { blocks: Buffer[] }).blocks;
      expect(blocks.map(({ length }) => length)).to.deep.equal([block]);
    }
  });

  it('is empty after it was cleared, and serves on', () => {
    const queue = new ByteQueue();
    queue.push(Buffer.alloc(5000, 1), 0, 5000);
    queue.clear();
    expect(queue.length).to.equal(0);
    expect(take(queue, 10).length).to.equal(0);
    queue.push(Buffer.of(7), 0, 1);
    expect([...take(queue, 10)]).to.deep.equal([7]);
  });
});
