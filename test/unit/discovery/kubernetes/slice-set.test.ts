import { expect } from 'chai';
import { parseSlice } from '../../../../src/discovery/kubernetes/slice.ts';
import { SliceSet } from '../../../../src/discovery/kubernetes/slice-set.ts';
import { sliceObject } from './fake-api-server.ts';

const slice = (name: string, endpoints: number) =>
  parseSlice(
    sliceObject(
      name,
      Array.from({ length: endpoints }, (_, i) => ({ address: `10.0.${i >> 8}.${i & 255}` })),
    ),
  ).value!;

describe('a set of slices', () => {
  it('counts the endpoints that it has, not those that it had', () => {
    const set = new SliceSet();
    for (let i = 0; i < 50; i++) expect(set.put(slice('same', 1000))).to.equal('');
    for (let i = 0; i < 50; i++) {
      expect(set.put(slice('other', 1000))).to.equal('');
      set.delete('other');
      set.delete('other');
    }
    for (let i = 0; i < 19; i++) expect(set.put(slice(`more-${i}`, 1000))).to.equal('');
    expect(set.put(slice('too-many', 1))).to.match(
      /^slice too-many is left out: Outrigger keeps 20000 endpoints/,
    );
    // There is still room for what is there already.
    expect(set.put(slice('same', 900))).to.equal('');
    expect(set.put(slice('fits', 100))).to.equal('');
    expect(set.all()).to.have.length(21);
  });

  it('has room for 2,000 slices', () => {
    const set = new SliceSet();
    for (let i = 0; i < 2000; i++) expect(set.put(slice(`s-${i}`, 1))).to.equal('');
    expect(set.put(slice('s-2000', 1))).to.match(/is left out/);
    expect(set.put(slice('s-7', 2))).to.equal('');
  });
});
