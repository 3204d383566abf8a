import { expect } from 'chai';
import { Field } from '../../../../src/core/field.ts';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import { RawField } from '../../../../src/core/raw-field.ts';
import { HpackDecoder } from '../../../../src/http2/hpack/decoder.ts';
import { HpackEncoder } from '../../../../src/http2/hpack/encoder.ts';
import { decoded, encoded, hex, literal, only, roomy } from './support.ts';

describe('HPACK decoder: values that stay bytes', () => {
  it('a new value is its own bytes, whatever is read after it, plain or Huffman-coded', () => {
    const decoder = new HpackDecoder(roomy);
    const values = Array.from({ length: 300 }, (_, i) => `0a1e-${i}`.padEnd(16 + (i % 50), 'c'));
    const fields = values.map((value, i) => {
      const block = HeaderBlock.of(['x-new', value]);
      block.fields[0].repeated = i % 2 === 0; // which our encoder then codes
      return only(decoder, i % 3 === 0 ? literal(0x40, 'x-new', value) : encoded(new HpackEncoder(), block));
    });
    expect(fields.map(({ value }) => value)).to.deep.equal(values);
    expect(fields.every((field) => field instanceof RawField)).to.equal(true);
    expect(decoder.entries().every(({ value }) => values.includes(value))).to.equal(true);
  });

  it('what a name of the table had for its first value says nothing of the next ones', () => {
    const decoder = new HpackDecoder(roomy);
    const values = [
      'first-value-of-it',
      ' malformed by its space',
      'third-value-of-it',
      'v\u00e4lue above ASCII',
    ];
    for (const value of values) {
      const wire = [
        decoder.entries().length === 0
          ? literal(0x40, 'x-again', value)
          : Buffer.concat([Buffer.of(0x7e), literal(0, '', value).subarray(2)]),
      ];
      const field = only(decoder, Buffer.concat(wire));
      expect([field.name, field.value, field.kind]).to.deep.equal([
        'x-again',
        value,
        new Field('x-again', value).kind,
      ]);
    }
  });

  it('an entry that repeats keeps no bytes of its neighbours in memory', () => {
    const decoder = new HpackDecoder(roomy);
    decoded(decoder, literal(0x40, 'x-kept', 'a value of some length'));
    expect(decoder.entries()[0]).to.be.an.instanceOf(RawField);
    decoded(decoder, hex('be'));
    expect(decoder.entries()[0]).to.be.an.instanceOf(Field);
  });

  it('a short one, a long one and one above ASCII are text at once', () => {
    for (const value of ['short', 'v'.repeat(513), 'not all \u00e4scii'])
      expect(only(new HpackDecoder(roomy), literal(0x40, 'x-new', value)), value).to.be.an.instanceOf(Field);
  });
});
