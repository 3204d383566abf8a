import { expect } from 'chai';
import { LatencyHistogram, RecentLatency } from '../../../src/core/histogram.ts';
import { SeededRandom } from '../../../src/core/random.ts';

describe('core/histogram', () => {
  describe('LatencyHistogram', () => {
    it('answers 0 while empty', () => {
      const h = new LatencyHistogram();
      expect(h.quantile(0.5)).to.equal(0);
      expect(h.meanMs).to.equal(0);
    });

    it('keeps count, sum and max exactly', () => {
      const h = new LatencyHistogram();
      for (const v of [1, 2.5, 10_000_000]) h.record(v);
      expect(h.count).to.equal(3);
      expect(h.sumMs).to.equal(10_000_003.5);
      expect(h.maxMs).to.equal(10_000_000);
      expect(h.quantile(1)).to.equal(10_000_000);
    });

    it('is within 1.6% of the true quantile over six decades', () => {
      const seed = 20;
      const random = new SeededRandom(seed);
      const h = new LatencyHistogram();
      const values: number[] = [];
      for (let i = 0; i < 20_000; i++) {
        const v = 10 ** (random.next() * 7 - 2); // 10 µs to 100 s
        values.push(v);
        h.record(v);
      }
      values.sort((a, b) => a - b);
      for (const q of [0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1]) {
        const exact = values[Math.ceil(q * values.length) - 1];
        expect(Math.abs(h.quantile(q) / exact - 1), `seed ${seed} q ${q}`).to.be.below(0.016);
      }
    });

    it('takes zero, negative, NaN, tiny and infinite values without harm', () => {
      const h = new LatencyHistogram();
      for (const v of [0, -5, Number.NaN, 1e-30]) h.record(v);
      expect(h.count).to.equal(4);
      expect(h.quantile(0.5)).to.be.at.most(0.001);
      h.record(Number.POSITIVE_INFINITY);
      expect(h.count).to.equal(5);
      expect(h.quantile(0.5)).to.be.at.most(0.001);
    });

    it('never answers more than the maximum', () => {
      const h = new LatencyHistogram();
      h.record(1);
      for (const q of [0, 0.5, 0.99, 1]) expect(h.quantile(q)).to.be.at.most(1);
    });

    it('is empty after a reset', () => {
      const h = new LatencyHistogram();
      h.record(3);
      h.reset();
      expect([h.count, h.sumMs, h.maxMs, h.quantile(0.5)]).to.deep.equal([0, 0, 0, 0]);
    });
  });

  describe('RecentLatency', () => {
    it('sees both generations and forgets what is older than the window', () => {
      const recent = new RecentLatency(10_000);
      recent.record(100, 0);
      recent.record(1, 6_000);
      expect(recent.count(6_000)).to.equal(2);
      expect(recent.quantile(1, 9_000)).to.equal(100);
      expect(recent.count(11_000)).to.equal(1);
      expect(recent.quantile(1, 11_000)).to.equal(1);
      expect(recent.count(60_000)).to.equal(0);
    });

    it('covers at least half a window', () => {
      const recent = new RecentLatency(10_000);
      recent.record(1, 0);
      recent.record(7, 4_999);
      recent.record(1, 5_000);
      expect(recent.quantile(1, 9_999)).to.equal(7);
    });
  });
});
