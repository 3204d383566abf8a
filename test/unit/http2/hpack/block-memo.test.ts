import { expect } from 'chai';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import { BlockMemo } from '../../../../src/http2/hpack/block-memo.ts';

/** As the decoder uses it: a block is offered after each miss. True where it was found. */
function meet(memo: BlockMemo, wire: Buffer, version: number, block: HeaderBlock): boolean {
  if (memo.find(wire, 0, wire.length, version) === block) return true;
  if (memo.seenBefore(wire, 0, wire.length, version)) memo.keep(wire, 0, wire.length, version, block);
  return false;
}

describe('HPACK block memo', () => {
  const wire = Buffer.from('868283', 'hex');
  const block = HeaderBlock.of(['a', '1']);

  it('keeps a block at its second sight and finds it at the third', () => {
    const memo = new BlockMemo();
    const met = [1, 2, 3, 4].map(() => meet(memo, wire, 7, block));
    expect(met).to.deep.equal([false, false, true, true]);
  });

  it('finds nothing for other bytes, another length or another version', () => {
    const memo = new BlockMemo();
    for (let again = 0; again < 3; again++) meet(memo, wire, 7, block);
    expect(memo.find(wire, 0, 2, 7)).to.equal(null);
    expect(memo.find(wire, 0, 3, 8)).to.equal(null);
    expect(memo.find(Buffer.from('868284', 'hex'), 0, 3, 7)).to.equal(null);
    expect(memo.find(Buffer.from('ff868283ff', 'hex'), 1, 4, 7)).to.equal(block);
  });

  it('holds 32 blocks at the most, the later ones', () => {
    const memo = new BlockMemo();
    const wires = Array.from({ length: 500 }, (_, number) => Buffer.from(`block ${number}`));
    const blocks = wires.map((_, number) => HeaderBlock.of(['x', String(number)]));
    for (const [number, bytes] of wires.entries())
      for (let again = 0; again < 2; again++) meet(memo, bytes, 1, blocks[number]);
    const found = wires.filter((bytes, number) => memo.find(bytes, 0, bytes.length, 1) === blocks[number]);
    expect(found.length).to.be.within(1, 32);
    expect(memo.find(wires[499], 0, wires[499].length, 1)).to.equal(blocks[499]);
  });
});
