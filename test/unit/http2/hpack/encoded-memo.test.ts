import { expect } from 'chai';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import { EncodedMemo } from '../../../../src/http2/hpack/encoded-memo.ts';

describe('HPACK memo of encoded blocks', () => {
  const bytes = Buffer.from('82', 'hex');

  it('gives what a block was encoded to, while the table is at the same version', () => {
    const memo = new EncodedMemo();
    const [block, equal] = [HeaderBlock.of(['a', '1']), HeaderBlock.of(['a', '1'])];
    expect(memo.find(block, 7)).to.equal(null);
    memo.keep(block, 7, bytes);
    expect(memo.find(block, 7)).to.equal(bytes);
    expect(memo.find(block, 8)).to.equal(null);
    expect(memo.find(equal, 7)).to.equal(null);
  });

  it('holds 128 blocks, the later ones', () => {
    const memo = new EncodedMemo();
    const blocks = Array.from({ length: 300 }, (_, i) => HeaderBlock.of(['x', `${i}`]));
    for (const block of blocks) memo.keep(block, 1, bytes);
    const found = blocks.map((block, i) => (memo.find(block, 1) === null ? -1 : i)).filter((i) => i >= 0);
    expect(found).to.deep.equal(Array.from({ length: 128 }, (_, i) => 172 + i));
  });
});
