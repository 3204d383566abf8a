import { expect } from 'chai';
import { hashRing } from '../../../src/balancing/ring-hash.ts';
import { hash32, mix32 } from '../../../src/core/hash.ts';
import { candidate } from './simulation.ts';

describe('a hash ring', () => {
  it('gives a hash to the next point at or after it, and one past the last point to the first', () => {
    const endpoints = ['a', 'b', 'c'].map((address) => candidate(address));
    const ownerOf = hashRing(endpoints, { perEndpoint: 1, max: 100 });
    // Places on the ring are unsigned, hashes are signed: the ring begins at the least signed number.
    const points = endpoints
      .map(({ address }, owner) => ({
        owner,
        at: (mix32(hash32(address) ^ mix32(1)) >>> 0) - 2 ** 31,
      }))
      .sort((one, other) => one.at - other.at);
    for (const [i, { owner, at }] of points.entries()) {
      expect(ownerOf(at), `at point ${i}`).to.equal(owner);
      expect(ownerOf(at - 1), `before point ${i}`).to.equal(owner);
      expect(ownerOf(at + 1), `after point ${i}`).to.equal(points[(i + 1) % 3].owner);
    }
    expect(ownerOf(2 ** 31 - 1)).to.equal(points[0].owner);
    expect(ownerOf(-(2 ** 31))).to.equal(points[0].owner);
  });

  it('has a point for each endpoint, however few points it may have', () => {
    const endpoints = [candidate('a', 1000), candidate('b', 1), candidate('c', 1)];
    const ownerOf = hashRing(endpoints, { perEndpoint: 1024, max: 3 });
    const owners = new Set(Array.from({ length: 65_536 }, (_, i) => ownerOf(i * 65_536 - 2 ** 31)));
    expect([...owners].sort()).to.deep.equal([0, 1, 2]);
  });
});
