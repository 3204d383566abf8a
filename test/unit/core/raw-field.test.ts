import { expect } from 'chai';
import { Field, FieldKind } from '../../../src/core/field.ts';
import { RawField } from '../../../src/core/raw-field.ts';

describe('RawField', () => {
  const bytes = Buffer.from('..4f1c-a b..', 'latin1');
  const chunk = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
  const encodedName = { name: 'x-request-id', prefix: Buffer.from('\0\x0cx-request-id') };
  const field = new RawField(encodedName, chunk, 2, 8);

  it('is to everyone what a field of that name and value is', () => {
    const plain = new Field('x-request-id', '4f1c-a b');
    for (const one of [field, field.standalone])
      expect([one.name, one.value, one.size, one.kind, one.sensitive, one.repeated]).to.deep.equal([
        plain.name,
        plain.value,
        plain.size,
        FieldKind.Regular,
        false,
        false,
      ]);
  });

  it('returns a standalone field that keeps no chunk alive', () => {
    const { standalone } = field;
    expect(standalone).to.be.an.instanceOf(Field);
    expect(Object.values(standalone)).not.to.include(chunk);
  });
});
