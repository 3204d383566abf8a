import { expect } from 'chai';
import { Field, FieldKind } from '../../../src/core/field.ts';
import { OctetField } from '../../../src/core/octet-field.ts';

describe('OctetField', () => {
  const bytes = Buffer.from('..4f1c-a b..', 'latin1');
  const chunk = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
  const spelling = { name: 'x-request-id', octets: Buffer.from('\0\x0cx-request-id') };
  const field = new OctetField(spelling, chunk, 2, 8);

  it('is to everyone what a field of that name and value is', () => {
    const plain = new Field('x-request-id', '4f1c-a b');
    for (const one of [field, field.settled])
      expect([one.name, one.value, one.size, one.kind, one.sensitive, one.repeated]).to.deep.equal([
        plain.name,
        plain.value,
        plain.size,
        FieldKind.Regular,
        false,
        false,
      ]);
  });

  it('once settled holds nothing of its chunk', () => {
    const { settled } = field;
    expect(settled).to.be.an.instanceOf(Field);
    expect(Object.values(settled)).not.to.include(chunk);
  });
});
