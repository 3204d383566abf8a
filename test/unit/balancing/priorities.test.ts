import { expect } from 'chai';
import fc from 'fast-check';
import type { Candidate } from '../../../src/balancing/candidate.ts';
import { distributeByPriority, type PrioritySettings } from '../../../src/balancing/priorities.ts';
import { candidate } from './simulation.ts';

const settings: PrioritySettings = { panicPercent: 0, preferZone: true };
const pool = (count: number, priority: number, zone = '', weight = 1): Candidate[] =>
  Array.from({ length: count }, (_, i) => ({
    ...candidate(`${zone}${priority}-${i}`, weight, priority),
    zone,
  }));

/** Shares in percent, in order, of levels of ten endpoints of which so many are usable. */
function priorities(usableOfTen: readonly number[], panicPercent = 0): number[] {
  const members = usableOfTen.flatMap((_, priority) => pool(10, priority));
  const usable = usableOfTen.flatMap((count, p) => members.filter((e) => e.priority === p).slice(0, count));
  const groups = distributeByPriority(usable, members, { ...settings, panicPercent }, '');
  return usableOfTen.map((_, p) =>
    Math.round(100 * (groups.find(({ endpoints }) => endpoints[0].priority === p)?.share ?? 0)),
  );
}

/** Usable endpoints of ten in each priority, and the shares in percent. Envoy's own examples, "Priority levels". */
const spills = [
  [
    [10, 10],
    [100, 0],
  ],
  [
    [8, 10],
    [100, 0],
  ],
  [
    [7, 10],
    [98, 2],
  ],
  [
    [5, 10],
    [70, 30],
  ],
  [
    [2, 10],
    [28, 72],
  ],
  [
    [0, 10],
    [0, 100],
  ],
  [
    [2, 2],
    [50, 50],
  ],
  [
    [2, 1],
    [67, 33],
  ],
  [
    [0, 0, 10],
    [0, 0, 100],
  ],
  [
    [5, 5, 10],
    [70, 30, 0],
  ],
  [
    [2, 2, 2],
    [33, 33, 33],
  ],
  [
    [2, 0, 10],
    [28, 0, 72],
  ],
] as const;

describe('distributeByPriority', () => {
  it('is one group without a word where there is one priority and no zone', () => {
    const endpoints = pool(3, 0);
    expect(distributeByPriority(endpoints, endpoints, settings, '')).to.deep.equal([
      { endpoints, share: 1, why: '' },
    ]);
  });

  it('is none where nothing is usable', () => {
    expect(distributeByPriority([], pool(3, 0), settings, '')).to.deep.equal([]);
    expect(distributeByPriority([], [], settings, '')).to.deep.equal([]);
  });

  for (const [usable, shares] of spills) {
    it(`spills over: ${usable.join(', ')} of ten usable gives ${shares.join(', ')}%`, () => {
      expect(priorities(usable)).to.deep.equal([...shares]);
    });
  }

  it('goes by priority, in whatever order the endpoints come', () => {
    const members = [...pool(1, 2), ...pool(1, 0), ...pool(1, 1)];
    expect(distributeByPriority(members, members, settings, '').map(({ why }) => why)).to.deep.equal([
      'priority 0 (100% of the requests)',
      'priority 1 (0% of the requests)',
      'priority 2 (0% of the requests)',
    ]);
  });

  it('counts capacity by configured weight, whatever slow start makes of it', () => {
    const members = [...pool(2, 0), ...pool(2, 1)].map((endpoint) => ({ ...endpoint, weight: 0.1 }));
    expect(distributeByPriority(members, members, settings, '').map(({ share }) => share)).to.deep.equal([
      1, 0,
    ]);
    const uneven = [candidate('heavy', 3), candidate('light', 1), candidate('spare', 1, 1)];
    const [first] = distributeByPriority(uneven.slice(1), uneven, settings, '');
    expect(first.share).to.be.closeTo(0.35, 1e-9);
  });

  it('gives all calls to somebody, for any health (property)', () => {
    const level = fc.record({
      members: fc.integer({ min: 1, max: 8 }),
      usable: fc.integer({ min: 0, max: 8 }),
    });
    fc.assert(
      fc.property(fc.array(level, { minLength: 1, maxLength: 5 }), fc.nat(100), (levels, panicPercent) => {
        const members = levels.flatMap(({ members }, p) => pool(members, p, `z${p % 2}`));
        const usable = levels.flatMap(({ usable }, p) =>
          members.filter((e) => e.priority === p).slice(0, usable),
        );
        const groups = distributeByPriority(usable, members, { panicPercent, preferZone: true }, 'z0');
        const whole = groups.reduce((sum, { share }) => sum + share, 0);
        if (usable.length > 0) expect(whole).to.be.closeTo(1, 1e-9);
        for (const { share, endpoints } of groups) {
          expect(share).to.be.at.least(0);
          expect(endpoints.length).to.be.above(0);
        }
      }),
    );
  });

  describe('panic', () => {
    it('is off by default: what is not usable is not used', () => {
      const members = pool(10, 0);
      expect(distributeByPriority(members.slice(9), members, settings, '')[0].endpoints).to.have.length(1);
    });

    it('uses all below the threshold, and not at it', () => {
      const members = pool(10, 0);
      const used = (usable: number) =>
        distributeByPriority(members.slice(0, usable), members, { ...settings, panicPercent: 50 }, '')[0];
      expect(used(5).endpoints).to.have.length(5);
      expect(used(4).endpoints).to.have.length(10);
      expect(used(4).why).to.equal('fewer than 50% of the endpoints are usable, so any may be picked');
      expect(used(0).endpoints).to.have.length(10);
    });

    it('comes just below the threshold as well', () => {
      const members = pool(1000, 0);
      const half = { ...settings, panicPercent: 50 };
      expect(distributeByPriority(members.slice(0, 499), members, half, '')[0].endpoints).to.have.length(
        1000,
      );
    });

    it('comes where one priority alone could carry all calls', () => {
      const members = pool(10, 0);
      const [group] = distributeByPriority(
        members.slice(0, 8),
        members,
        { ...settings, panicPercent: 90 },
        '',
      );
      expect(group.endpoints).to.have.length(10);
    });

    it('does not come while a lower priority carries the rest (Envoy)', () => {
      expect(priorities([2, 10], 50)).to.deep.equal([28, 72]);
      const members = [...pool(10, 0), ...pool(10, 1)];
      const carried = distributeByPriority(
        [...members.slice(0, 2), ...members.slice(10)],
        members,
        { ...settings, panicPercent: 50 },
        '',
      );
      expect(carried.map(({ endpoints }) => endpoints.length)).to.deep.equal([2, 10]);
      const usable = [...members.slice(0, 2), ...members.slice(10, 12)];
      const groups = distributeByPriority(usable, members, { ...settings, panicPercent: 50 }, '');
      expect(groups.map(({ endpoints, share }) => [endpoints.length, share])).to.deep.equal([
        [10, 0.5],
        [10, 0.5],
      ]);
      expect(priorities([0, 0], 50)).to.deep.equal([50, 50]);
    });
  });

  describe('zones', () => {
    const zones = (usable: Record<string, number>, localZone: string, each = 3) => {
      const members = ['a', 'b', 'c'].flatMap((zone) => pool(each, 0, zone));
      const fit = ['a', 'b', 'c'].flatMap((zone) =>
        members.filter((e) => e.zone === zone).slice(0, usable[zone] ?? each),
      );
      return distributeByPriority(fit, members, settings, localZone).map(
        ({ endpoints, share }) => `${endpoints[0].zone} ${share.toFixed(3)}`,
      );
    };

    it('are all one where the own one is not known, or has nothing usable', () => {
      expect(zones({}, '')).to.deep.equal(['a 1.000']);
      expect(zones({}, 'd')).to.deep.equal(['a 1.000']);
      expect(zones({ a: 0 }, 'a')).to.deep.equal(['b 1.000']);
      const members = [...pool(1, 0, 'a'), ...pool(1, 0, 'b')];
      expect(distributeByPriority(members, members, { ...settings, preferZone: false }, 'a')).to.have.length(
        1,
      );
    });

    it('own one has all calls while it has its share of the weight', () => {
      expect(zones({}, 'a')).to.deep.equal(['a 1.000', 'b 0.000', 'c 0.000']);
      expect(zones({ b: 1 }, 'a')).to.deep.equal(['a 1.000', 'b 0.000', 'c 0.000']);
      expect(zones({ b: 0 }, 'a')).to.deep.equal(['a 1.000', 'c 0.000']);
    });

    it('own one keeps the part that it has the weight for, and others get the rest by what they can spare', () => {
      // 2 of 8, where an even part is 1/3.
      expect(zones({ a: 2 }, 'a')).to.deep.equal(['a 0.750', 'b 0.125', 'c 0.125']);
      // 1 of 6, and b has less than a third too: c takes it.
      expect(zones({ a: 1, b: 2 }, 'a')).to.deep.equal(['a 0.500', 'b 0.000', 'c 0.500']);
    });

    it('go by weight, not by number', () => {
      const shares = (weights: Record<string, number>) => {
        const members = Object.entries(weights).flatMap(([zone, weight]) => pool(1, 0, zone, weight));
        return distributeByPriority(members, members, settings, 'a').map(({ share }) => share.toFixed(3));
      };
      // A quarter of the weight of two zones: half of the calls.
      expect(shares({ a: 1, b: 3 })).to.deep.equal(['0.500', '0.500']);
      expect(shares({ a: 3, b: 1 })).to.deep.equal(['1.000', '0.000']);
      // An eighth where a third is even; of the others only c has more than a third.
      expect(shares({ a: 1, b: 2, c: 5 })).to.deep.equal(['0.375', '0.000', '0.625']);
      expect(shares({ a: 1, b: 5, c: 6 })).to.deep.equal(['0.250', '0.250', '0.500']);
    });

    it('keep their shares where an endpoint has none of its zone', () => {
      const members = [...pool(1, 0, 'a'), ...pool(3, 0, '')];
      expect(distributeByPriority(members, members, settings, 'a').map(({ why }) => why)).to.deep.equal([
        'zone a (50%)',
        'zone unknown (50%)',
      ]);
    });

    it('make every endpoint equally busy where each zone has as many calls (property)', () => {
      const count = fc.integer({ min: 1, max: 9 });
      fc.assert(
        fc.property(count, count, count, (a, b, c) => {
          const sizes = { a, b, c };
          const load = { a: 0, b: 0, c: 0 };
          const members = (['a', 'b', 'c'] as const).flatMap((zone) => pool(sizes[zone], 0, zone));
          for (const local of ['a', 'b', 'c']) {
            for (const { endpoints, share } of distributeByPriority(members, members, settings, local))
              load[endpoints[0].zone as 'a'] += share / 3;
          }
          for (const zone of ['a', 'b', 'c'] as const)
            expect(load[zone] / sizes[zone]).to.be.closeTo(1 / (a + b + c), 1e-9);
        }),
      );
    });
  });
});
