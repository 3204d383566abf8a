import { expect } from 'chai';
import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { withHeaders } from '../../../src/policies/with-headers.ts';

const base = HeaderBlock.of(['x-a', '1'], ['x-b', '2'], ['x-a', '3']);
const fieldsOf = (block: HeaderBlock) => block.allFields.map(({ name, value }) => `${name}: ${value}`);

describe('policies/with-headers', () => {
  it('removes every header of a name, and puts the new ones at the end', () => {
    const block = withHeaders(base, new Set(['x-a', 'x-c']), [new Field('x-a', 'new')]);
    expect(fieldsOf(block)).to.deep.equal(['x-b: 2', 'x-a: new']);
  });

  it('keeps the identity of a block of which nothing is removed', () => {
    const block = withHeaders(base, new Set(['x-c']), [new Field('x-c', '1')]);
    expect(block.base).to.equal(base);
    expect(withHeaders(base, new Set(['x-c']), [])).to.equal(base);
  });

  it('reads the fields of the base as well', () => {
    const block = withHeaders(new HeaderBlock([new Field('x-c', '1')], base), new Set(['x-b']), []);
    expect(fieldsOf(block)).to.deep.equal(['x-a: 1', 'x-a: 3', 'x-c: 1']);
  });
});
