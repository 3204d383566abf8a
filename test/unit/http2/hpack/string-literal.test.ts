import { expect } from 'chai';
import { Cursor, integerBytesMax, writeInteger } from '../../../../src/http2/hpack/integer.ts';
import { NameCache } from '../../../../src/http2/hpack/name-cache.ts';
import { StringLiteral } from '../../../../src/http2/hpack/string-literal.ts';
import { hex } from './support.ts';

function read(wire: string): { literal: StringLiteral; problem: string; position: number } {
  const bytes = hex(wire);
  const cursor = new Cursor();
  cursor.set(bytes, 0, bytes.length);
  const literal = new StringLiteral();
  return { literal, problem: literal.read(cursor), position: cursor.position };
}

describe('HPACK string literal', () => {
  it('is found, measured and made into a string, plain or Huffman-coded', () => {
    for (const wire of ['03 777777 ff', '83 f1e3c7 ff']) {
      const { literal, problem, position } = read(wire);
      expect([
        problem,
        position,
        literal.measure(),
        literal.text(),
        literal.name(new NameCache())?.name,
      ]).to.deep.equal(['', 4, 3, 'www', 'www']);
      expect(literal.lengthMax).to.be.at.least(3);
    }
  });

  it('with wrong Huffman coding has no length and no text', () => {
    const { literal, problem } = read('81 00');
    expect([problem, literal.measure(), literal.text(), literal.name(new NameCache())]).to.deep.equal([
      '',
      -1,
      null,
      null,
    ]);
  });

  it('that the block does not hold is not found', () => {
    for (const wire of ['', '02 61', '7f', '7fffffffff7f']) expect(read(wire).problem, wire).not.to.equal('');
  });

  it('of any length is decoded, beyond the shared workspace too', () => {
    const bytes = 100_000;
    const length = Buffer.alloc(integerBytesMax);
    const prefix = length.subarray(0, writeInteger(length, 0, 0x80, 7, bytes));
    const { literal } = read(prefix.toString('hex') + '00'.repeat(bytes));
    expect(literal.measure()).to.equal(160_000);
    expect(literal.text()).to.equal('0'.repeat(160_000));
  });
});
