import { expect } from 'chai';
import { Field } from '../../../../src/core/field.ts';
import { FieldInterner } from '../../../../src/http2/hpack/field-intern.ts';

describe('HPACK field interner', () => {
  it('makes equal fields one object, which is marked as repeated', () => {
    const interner = new FieldInterner();
    const first = interner.intern(new Field('te', 'trailers'));
    expect(first.repeated).to.equal(true);
    expect(interner.intern(new Field('te', 'trailers'))).to.equal(first);
    expect(interner.intern(new Field('te', 'other'))).not.to.equal(first);
    expect(interner.intern(new Field('et', 'trailers'))).not.to.equal(first);
  });

  it('starts over when it is full', () => {
    const interner = new FieldInterner(2);
    const first = interner.intern(new Field('a', '1'));
    interner.intern(new Field('a', '2'));
    expect(interner.intern(new Field('a', '1'))).to.equal(first);
    interner.intern(new Field('a', '3'));
    const anew = interner.intern(new Field('a', '1'));
    expect(anew).not.to.equal(first);
    expect(interner.intern(new Field('a', '1'))).to.equal(anew);
  });

  it('marks a field with a long name or value but does not keep it', () => {
    const interner = new FieldInterner();
    for (const make of [() => new Field('a', 'v'.repeat(257)), () => new Field('n'.repeat(65), 'v')]) {
      const field = interner.intern(make());
      expect(field.repeated).to.equal(true);
      expect(interner.intern(make())).not.to.equal(field);
    }
  });
});
