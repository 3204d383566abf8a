import { expect } from 'chai';
import {
  ReplayBudget,
  ReplayBuffer,
  replayBytesPerCallMax,
  replayBytesTotalMax,
} from '../../../src/call/replay-buffer.ts';
import { blockPool } from '../../../src/core/block-pool.ts';

/** Nothing has left, there being no attempt to leave for. */
const nowhere = -1;
const everywhere = Number.POSITIVE_INFINITY;
const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');
const held = (buffer: ReplayBuffer): string =>
  Buffer.from(buffer.bytes.subarray(0, buffer.length)).toString('latin1');

describe('ReplayBuffer', () => {
  it('has the limits that docs/resilience.md names: 64 KiB a call and 16 MiB in all', () => {
    expect([replayBytesPerCallMax, replayBytesTotalMax]).to.deep.equal([64 * 1024, 16 * 1024 * 1024]);
  });

  it('keeps copies of pieces in order', () => {
    const buffer = new ReplayBuffer(new ReplayBudget(1000));
    const piece = bytesOf('..one..');
    expect(buffer.push(piece, 2, 5, nowhere)).to.equal(true);
    piece.fill(0);
    expect(buffer.push(bytesOf('two'), 0, 3, nowhere)).to.equal(true);
    expect([held(buffer), buffer.complete]).to.deep.equal(['onetwo', true]);
  });

  it('forgets everything once more has left than it keeps, and takes nothing any more', () => {
    const budget = new ReplayBudget(1 << 20);
    const buffer = new ReplayBuffer(budget);
    const much = Buffer.alloc(replayBytesPerCallMax);
    expect(buffer.push(much, 0, much.length, 0)).to.equal(true);
    expect(buffer.push(bytesOf('6'), 0, 1, much.length), 'it may still be refused').to.equal(true);
    expect(buffer.push(bytesOf('7'), 0, 1, much.length + 1)).to.equal(false);
    expect(buffer.push(bytesOf('8'), 0, 1, nowhere)).to.equal(false);
    expect([buffer.length, buffer.complete]).to.deep.equal([0, false]);
    expect(budget.take(1 << 20), 'all is given back').to.equal(true);
  });

  it('keeps what waits beside an attempt only while memory is plentiful, and a first window always', () => {
    const budget = new ReplayBudget(1 << 20);
    const buffer = new ReplayBuffer(budget);
    budget.take(600_000);
    expect(buffer.push(Buffer.alloc(replayBytesPerCallMax), 0, replayBytesPerCallMax, 0)).to.equal(true);
    expect(buffer.push(bytesOf('6'), 0, 1, 0)).to.equal(false);
  });

  it('keeps a first window beside several attempts', () => {
    const buffer = new ReplayBuffer(new ReplayBudget(1 << 20));
    const much = Buffer.alloc(replayBytesPerCallMax);
    expect(buffer.push(much, 0, much.length, everywhere)).to.equal(true);
    expect(buffer.push(bytesOf('6'), 0, 1, everywhere)).to.equal(false);
  });

  it('an empty piece is kept by any buffer that is whole', () => {
    const buffer = new ReplayBuffer(new ReplayBudget(0));
    expect(buffer.push(bytesOf(''), 0, 0, 0)).to.equal(true);
    expect(buffer.complete).to.equal(true);
  });

  it('shares a budget: who comes when it is used up keeps nothing, and what is dropped is free again', () => {
    const budget = new ReplayBudget(10);
    const [first, second] = [new ReplayBuffer(budget), new ReplayBuffer(budget)];
    expect(first.push(bytesOf('12345678'), 0, 8, nowhere)).to.equal(true);
    expect(second.push(bytesOf('123'), 0, 3, nowhere)).to.equal(false);
    first.drop();
    first.drop();
    expect(budget.take(10)).to.equal(true);
    expect(budget.take(1)).to.equal(false);
  });

  it('a flood of single bytes takes no more memory than their number, doubled', () => {
    const budget = new ReplayBudget(131_072);
    const buffer = new ReplayBuffer(budget);
    for (let i = 0; i < 65_536; i++) expect(buffer.push(bytesOf('x'), 0, 1, i)).to.equal(true);
    expect(buffer.length).to.equal(65_536);
    expect(buffer.bytes.length).to.be.at.most(131_072);
  });

  it('keeps every byte as it grows, the first one too', () => {
    const buffer = new ReplayBuffer(new ReplayBudget(1 << 20));
    const pieces = ['1', '2'.repeat(300), '3'.repeat(48), '4'.repeat(49), '5'.repeat(5000)];
    for (const piece of pieces) buffer.push(bytesOf(`..${piece}`), 2, piece.length + 2, nowhere);
    expect(held(buffer)).to.equal(pieces.join(''));
  });

  it('takes no more memory while there is room, and twice as much when there is none', () => {
    const buffer = new ReplayBuffer(new ReplayBudget(1 << 20));
    for (let i = 0; i < 256; i++) buffer.push(bytesOf('x'), 0, 1, i);
    expect(buffer.bytes.length).to.equal(256);
    buffer.push(bytesOf('x'), 0, 1, 256);
    expect(buffer.bytes.length).to.equal(512);
  });

  it('takes a block that others can use again for a short body, and for one of 4 KiB and more', () => {
    for (const [bytes, block] of [
      [100, 256],
      [5000, 16_384],
    ]) {
      const buffer = new ReplayBuffer(new ReplayBudget(1 << 20));
      buffer.push(Buffer.alloc(bytes), 0, bytes, nowhere);
      const memory = buffer.bytes;
      expect(memory.length).to.equal(block);
      buffer.drop();
      expect(blockPool.acquire(block)).to.equal(memory);
    }
  });

  it('gives a block back that the budget does not allow, and not the one in use', () => {
    blockPool.clear();
    const spare = blockPool.acquire(16_384);
    blockPool.release(spare);
    const buffer = new ReplayBuffer(new ReplayBudget(1000));
    buffer.push(Buffer.alloc(200), 0, 200, nowhere);
    expect(buffer.push(Buffer.alloc(5000), 0, 5000, nowhere)).to.equal(false);
    expect(blockPool.acquire(16_384)).to.equal(spare);
  });

  it('memory is plentiful while less than half of it is used', () => {
    const budget = new ReplayBudget(100);
    budget.take(49);
    expect(budget.plentiful).to.equal(true);
    budget.take(1);
    expect(budget.plentiful).to.equal(false);
    budget.give(1);
    expect(budget.plentiful).to.equal(true);
  });

  it('a body in one piece is held exactly', () => {
    const buffer = new ReplayBuffer(new ReplayBudget(1 << 20));
    buffer.push(Buffer.alloc(777), 0, 777, nowhere);
    expect(buffer.bytes.length).to.equal(777);
    const large = new ReplayBuffer(new ReplayBudget(1 << 20));
    large.push(Buffer.alloc(500_000), 0, 500_000, nowhere);
    expect(large.bytes.length).to.equal(500_000);
  });
});
