import { expect } from 'chai';
import { failPenalty } from '../../../src/balancing/fail-penalty.ts';
import { peakEwma } from '../../../src/balancing/latency.ts';
import { expectedWaitPerWeight, inFlightPerWeight, slowGuarded } from '../../../src/balancing/load-metric.ts';
import { candidate } from './simulation.ts';

const penalty = failPenalty({ load: 20, decayMs: 1000 });

describe('inFlightPerWeight', () => {
  it('is calls in flight and phantom load over the weight', () => {
    const endpoint = { ...candidate('a', 4), active: 6 };
    const loadOf = inFlightPerWeight(penalty, 1);
    expect(loadOf(endpoint, 0)).to.equal(1.5);
    penalty.penalise(endpoint, 0);
    expect(loadOf(endpoint, 0)).to.equal(6.5);
  });

  it('takes the bias as an exponent on the calls, not on the weight', () => {
    const endpoint = { ...candidate('a', 4), active: 6 };
    expect(inFlightPerWeight(penalty, 2)(endpoint, 0)).to.equal(9);
    expect(inFlightPerWeight(penalty, 0.5)(endpoint, 0)).to.be.closeTo(Math.sqrt(6) / 4, 1e-12);
  });
});

describe('expectedWaitPerWeight', () => {
  it('is the peak EWMA times the calls there would be, over the weight', () => {
    const settings = { decayMs: 10_000, initialMs: 30 };
    const ewma = peakEwma(settings);
    const loadOf = expectedWaitPerWeight(penalty, settings);
    const endpoint = { ...candidate('a', 2), active: 3 };
    expect(loadOf(endpoint, 0)).to.equal(60);
    expect(loadOf(endpoint, 3000)).to.be.closeTo(2 * ewma.estimateMs(endpoint, 3000), 1e-9);
    ewma.answered(endpoint, 5, 4000);
    expect(loadOf(endpoint, 4000)).to.equal(10);
    penalty.penalise(endpoint, 4000);
    expect(loadOf(endpoint, 4000)).to.equal(60);
  });
});

describe('slowGuarded', () => {
  const pool = (...latenciesMs: number[]) =>
    latenciesMs.map((latencyMs, i) => ({ ...candidate(`e${i}`), latencyMs, active: 2 }));
  const guarded = (endpoints: ReturnType<typeof pool>) =>
    slowGuarded(inFlightPerWeight(penalty, 1), endpoints);

  it('multiplies the load of an endpoint by how much slower than the mean it is, less the older the news', () => {
    const endpoints = pool(10, 10, 10, 10, 110); // a mean of 30
    const loadOf = guarded(endpoints);
    const excess = 110 / 30 - 1;
    expect(loadOf(endpoints[4], 0)).to.be.closeTo(2 * (1 + excess), 1e-9);
    expect(loadOf(endpoints[4], 500)).to.be.closeTo(2 * (1 + excess / Math.E), 1e-9);
    expect(loadOf(endpoints[0], 0)).to.equal(2);
  });

  it('leaves one alone that is up to twice as slow', () => {
    const endpoints = pool(10, 10, 10, 10, 10, 10, 10, 10, 22);
    expect(guarded(endpoints)(endpoints[8], 0)).to.equal(2); // 1.94 times the mean, 11.3
  });

  it('forgives altogether when the excess is below a quarter', () => {
    const endpoints = pool(10, 10, 10, 10, 110);
    const loadOf = guarded(endpoints);
    const quietMs = 500 * Math.log((110 / 30 - 1) / 0.25);
    expect(loadOf(endpoints[4], quietMs - 1)).to.be.above(2.49);
    expect(loadOf(endpoints[4], quietMs + 1)).to.equal(2);
  });

  it('looks at those only that have answered, and guards against nobody where none has', () => {
    const endpoints = pool(0, 0, 10, 10, 10, 90); // a mean of 30
    const loadOf = guarded(endpoints);
    expect(loadOf(endpoints[0], 0)).to.equal(2);
    expect(loadOf(endpoints[5], 0)).to.equal(6);
    const silent = pool(0, 0);
    expect(guarded(silent)(silent[1], 0)).to.equal(2);
  });

  it('sees latencies change within a millisecond', () => {
    const endpoints = pool(10, 10, 10, 10, 10);
    const loadOf = guarded(endpoints);
    expect(loadOf(endpoints[4], 0)).to.equal(2);
    endpoints[4].latencyMs = 110;
    expect(loadOf(endpoints[4], 1)).to.be.above(7);
  });
});
