import { expect } from 'chai';
import fc from 'fast-check';
import { constantField, Field } from '../../../../src/core/field.ts';
import { RawField } from '../../../../src/core/raw-field.ts';
import { SpanId, TraceId } from '../../../../src/core/trace-id.ts';
import { TraceparentField } from '../../../../src/core/traceparent-field.ts';
import { HpackDecoder } from '../../../../src/http2/hpack/decoder.ts';
import {
  encodeName,
  independentBytes,
  writeIndexingLiteral,
  writePlainLiteral,
} from '../../../../src/http2/hpack/representation.ts';
import { staticFields } from '../../../../src/http2/hpack/static-table.ts';
import { OutputBuffer } from '../../../../src/transport/output-buffer.ts';
import { blockPairs, decoded, pairs, roomy } from './support.ts';

function indexing(field: Field): Buffer {
  const out = Buffer.alloc(field.size + 32);
  return out.subarray(0, writeIndexingLiteral(out, 0, independentBytes(field)));
}
function plain(field: Field): Buffer {
  const out = new OutputBuffer(4);
  writePlainLiteral(field, out);
  return Buffer.from(out.bytes.subarray(0, out.length));
}

describe('HPACK representations', () => {
  it('the independent bytes are made once', () => {
    const field = constantField('x-once', 'value');
    expect(independentBytes(field)).to.equal(independentBytes(field));
    expect(field.literal).to.equal(independentBytes(field));
  });

  it('all three say the same of every static name and of one that is not static', () => {
    for (const name of [...new Set(staticFields.map((field) => field.name)), 'x-own']) {
      const field = new Field(name, 'some value!');
      const wanted = [[name, 'some value!']];
      for (const bytes of [independentBytes(field), plain(field)]) {
        const decoder = new HpackDecoder(roomy);
        expect(blockPairs(decoded(decoder, bytes))).to.deep.equal(wanted);
        expect(decoder.entries()).to.deep.equal([]);
      }
      const decoder = new HpackDecoder(roomy);
      expect(blockPairs(decoded(decoder, indexing(field)))).to.deep.equal(wanted);
      expect(pairs(decoder.entries())).to.deep.equal(wanted);
    }
  });

  it('a whole entry of the static table is one byte', () => {
    expect([...independentBytes(new Field(':method', 'POST'))]).to.deep.equal([0x83]);
    expect([...plain(new Field(':method', 'POST'))]).to.deep.equal([0x83]);
  });

  it('Huffman coding is used where it is shorter, and only for what is kept', () => {
    const field = new Field('x-own', 'aaaaaaaa');
    expect(independentBytes(field).length).to.be.below(plain(field).length);
    const dense = new Field('x-own', '{{{{');
    expect(Buffer.from(independentBytes(dense)).subarray(-5).toString('latin1')).to.equal('\x04{{{{');
  });

  it('a field that is still bytes is written as one of its text would be, of every name that can be one', () => {
    const names = [...new Set(staticFields.map((field) => field.name)), 'x-own', 'n'.repeat(200)];
    const spelled = names.map(encodeName);
    expect(names.filter((_, i) => spelled[i] === null)).to.deep.equal([
      ':method',
      ':path',
      ':scheme',
      ':status',
      'accept-encoding',
    ]);
    for (const encodedName of spelled.filter((one) => one !== null)) {
      for (const length of [4, 5, 33, 126, 127, 300]) {
        const bytes = Buffer.from(`..${'v'.repeat(length - 1)}w..`);
        const chunk = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
        const field = new RawField(encodedName, chunk, 2, length);
        expect(plain(field).equals(plain(field.standalone)), `${encodedName.name} ${length}`).to.equal(true);
      }
    }
  });

  it('a traceparent is written as a field of its text would be', () => {
    const word = fc.integer();
    fc.assert(
      fc.property(fc.tuple(word, word, word, word, word, word), fc.nat(3), ([a, b, c, d, e, f], flags) => {
        fc.pre((a | b | c | d) !== 0 && (e | f) !== 0);
        const ours = new TraceparentField(new TraceId(a, b, c, d), new SpanId(e, f), flags);
        const asText = new Field('traceparent', ours.value);
        expect([...plain(ours)]).to.deep.equal([...plain(asText)]);
        expect([ours.kind, ours.size]).to.deep.equal([asText.kind, asText.size]);
      }),
    );
  });
});
