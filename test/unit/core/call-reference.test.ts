import { expect } from 'chai';
import fc from 'fast-check';
import { callReference, idOfReference, isCallReference } from '../../../src/core/call-reference.ts';

describe('core/call-reference', () => {
  it('stands for one id, whatever the case of its letters', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (id) => {
        const reference = callReference(id);
        expect(isCallReference(reference)).to.equal(true);
        expect(idOfReference(reference)).to.equal(id);
        expect(idOfReference(reference.toUpperCase())).to.equal(id);
      }),
    );
  });

  it('says nothing of how many calls there were', () => {
    const parts = Array.from({ length: 100 }, (_, i) => Number.parseInt(callReference(i).slice(5), 16));
    const steps = parts.slice(1).filter((part, i) => Math.abs(part - parts[i]) < 100);
    expect(steps.length).to.be.lessThan(5);
  });

  it('is known as one of another process', () => {
    const reference = callReference(5);
    const other = `${reference[0] === '0' ? '1' : '0'}${reference.slice(1)}`;
    expect(isCallReference(other)).to.equal(true);
    expect(idOfReference(other)).to.equal(null);
  });

  it('has one form', () => {
    for (const text of [
      '',
      '5',
      '7f3a1c09d2e4',
      '7f3a-1c09d2e',
      '7f3a-1c09d2e45',
      'g000-00000000',
      ' 7f3a-1c09d2e4',
    ])
      expect(isCallReference(text), text).to.equal(false);
  });
});
