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

  it('keeps a field whose name and value are as long as they may be', () => {
    const interner = new FieldInterner();
    const make = () => new Field('n'.repeat(64), 'v'.repeat(256));
    const field = interner.intern(make());
    expect(interner.intern(make())).to.equal(field);
  });

  it('holds as many fields as it may', () => {
    for (const interner of [new FieldInterner(), new FieldInterner(1024)]) {
      const first = interner.intern(new Field('x', '0'));
      for (let i = 1; i < 1024; i++) interner.intern(new Field('x', `${i}`));
      expect(interner.intern(new Field('x', '0'))).to.equal(first);
      interner.intern(new Field('x', '1024'));
      expect(interner.intern(new Field('x', '0'))).not.to.equal(first);
    }
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
