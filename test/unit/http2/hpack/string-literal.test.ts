import { expect } from 'chai';
import { huffmanEncode, huffmanEncodedLength } from '../../../../src/http2/hpack/huffman.ts';
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

  it('that is Huffman-coded is known to be plain once it is text', () => {
    const judged = (text: string): boolean => {
      const coded = new Uint8Array(huffmanEncodedLength(text));
      huffmanEncode(text, coded, 0);
      const { literal } = read(Buffer.of(0x80 | coded.length, ...coded).toString('hex'));
      expect(literal.text()).to.equal(text);
      return literal.isPlainText();
    };
    for (const text of ['4bf9', 'a value: !~', '00-4bf92f3577b34da6-01'])
      expect(judged(text), text).to.equal(true);
    for (const text of ['abc', ' abcd', 'abcd ', 'ab\0cd', 'abc\x7f', 'ab\r\ncd', 'abc\xe9'])
      expect(judged(text), text).to.equal(false);
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
