import { expect } from 'chai';
import {
  activePerWeight,
  type Census,
  ofThousandths,
  PickReason,
} from '../../../src/balancing/pick-reason.ts';

const side = (address: string, active: number) => ({ address, active });
const words = ({ address }: PickReason) => `${address} won`;
const int32Max = 0x7fff_ffff;

describe('PickReason', () => {
  it('keeps both sides as they were at the pick, weights and values in thousandths', () => {
    const [picked, other] = [side('a', 3), side('b', 4)];
    const reason = new PickReason(words, 2, picked, 0.5, 6, other, 2.0004, 2.0006);
    picked.active = 9;
    other.active = 9;
    expect(reason).to.include({
      variant: 2,
      address: 'a',
      active: 3,
      weight: 500,
      value: 6000,
      other: 'b',
      otherActive: 4,
      otherWeight: 2000,
      otherValue: 2001,
    });
  });

  it('has nothing to say of another endpoint where there was none', () => {
    expect(new PickReason(words, 0, side('a', 1), 1, 1)).to.include({
      other: '',
      otherActive: 0,
      otherWeight: 0,
      otherValue: 0,
      hash: 0,
      where: '',
      census: null,
      excluded: 0,
      full: 0,
    });
  });

  it('keeps a number beyond 32 bits as the greatest or least that fits', () => {
    const kept = (value: number) => new PickReason(words, 0, side('a', 0), 1, value).value;
    expect(kept(2_000_000)).to.equal(2_000_000_000);
    expect(kept(-2_000_000)).to.equal(-2_000_000_000);
    for (const huge of [3_000_000, 5_000_000, Number.POSITIVE_INFINITY]) {
      expect(kept(huge)).to.equal(int32Max);
      expect(kept(-huge)).to.equal(-int32Max);
    }
  });

  it('writes numbers without needless zeros, and says where one is too great', () => {
    expect(ofThousandths(1500)).to.equal('1.5');
    expect(ofThousandths(2000)).to.equal('2');
    expect(ofThousandths(int32Max)).to.equal('more than 2000000');
    expect(ofThousandths(int32Max - 1)).to.equal('2147483.646');
    expect(activePerWeight(3, 500)).to.equal('3/0.5');
  });

  describe('as a sentence', () => {
    const sentence = (
      census: Census | null,
      more: { where?: string; excluded?: number; full?: number } = {},
    ) => {
      const reason = Object.assign(new PickReason(words, 0, side('a', 0), 1, 0), { census, ...more });
      expect(JSON.stringify(reason)).to.equal(JSON.stringify(String(reason)));
      return String(reason);
    };
    const all = (total: number): Census => ({ usable: total, total, unusable: '', subset: '', members: [] });

    it('is that of the policy alone where no cluster asked', () => {
      expect(sentence(null)).to.equal('a won');
      expect(sentence(null, { excluded: 1, full: 1 })).to.equal('a won');
      expect(sentence(null, { where: 'zone b' })).to.equal('zone b; a won');
    });

    it('begins with how many endpoints were usable', () => {
      expect(sentence(all(1))).to.equal('1 endpoint was usable; a won');
      expect(sentence(all(2))).to.equal('2 endpoints were usable; a won');
      expect(sentence(all(3), { where: 'zone b' })).to.equal('3 endpoints were usable; zone b; a won');
    });

    it('says first how subsetting chose the endpoints', () => {
      const subset = 'subsetting chose 2 of 300 endpoints; ';
      expect(sentence({ ...all(2), subset })).to.equal(`${subset}2 endpoints were usable; a won`);
    });

    it('says why others were not', () => {
      const some = (usable: number, total: number) =>
        sentence({ usable, total, unusable: 'ejected: 1', subset: '', members: [] });
      expect(some(1, 3)).to.equal('1 of 3 endpoints was usable (ejected: 1); a won');
      expect(some(2, 3)).to.equal('2 of 3 endpoints were usable (ejected: 1); a won');
      expect(some(0, 2)).to.equal('0 of 2 endpoints were usable (ejected: 1); a won');
      expect(some(0, 1)).to.equal('0 of 1 endpoint was usable (ejected: 1); a won');
    });

    it('counts the endpoints that the call has used and those at their limit', () => {
      expect(sentence(all(4), { excluded: 1 })).to.equal(
        '4 endpoints were usable, 1 used by an earlier attempt; a won',
      );
      expect(sentence(all(4), { full: 1 })).to.equal(
        '4 endpoints were usable, 1 at the limit of requests; a won',
      );
      expect(sentence(all(4), { excluded: 2, full: 1, where: 'zone b' })).to.equal(
        '4 endpoints were usable, 2 used by an earlier attempt, 1 at the limit of requests; zone b; a won',
      );
    });
  });
});
