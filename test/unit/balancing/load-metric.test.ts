import { expect } from 'chai';
import type { Candidate } from '../../../src/balancing/candidate.ts';
import { failPenalty } from '../../../src/balancing/fail-penalty.ts';
import { peakEwma } from '../../../src/balancing/latency.ts';
import {
  expectedWaitPerWeight,
  inFlightPerWeight,
  type LoadMetric,
  slowGuarded,
} from '../../../src/balancing/load-metric.ts';
import { candidate } from './simulation.ts';

const measure = (metric: LoadMetric) => (endpoint: Candidate, nowMs: number) => {
  const load = new Float64Array(1);
  metric(endpoint, nowMs, load);
  return load[0];
};
const penalty = failPenalty({ load: 20, decayMs: 1000 });

describe('inFlightPerWeight', () => {
  it('is calls in flight and phantom load over the weight', () => {
    const endpoint = { ...candidate('a', 4), active: 6 };
    const load = measure(inFlightPerWeight(penalty, 1));
    expect(load(endpoint, 0)).to.equal(1.5);
    for (let i = 0; i < 2; i++) penalty.penalise(endpoint, 0);
    expect(load(endpoint, 0)).to.equal(6.5);
  });

  it('takes the bias as an exponent on the calls, not on the weight', () => {
    const endpoint = { ...candidate('a', 4), active: 6 };
    expect(measure(inFlightPerWeight(penalty, 2))(endpoint, 0)).to.equal(9);
    const failed = { ...candidate('b', 2), active: 1 };
    for (let i = 0; i < 2; i++) penalty.penalise(failed, 0);
    expect(measure(inFlightPerWeight(penalty, 2))(failed, 0)).to.equal(21 ** 2 / 2);
    expect(measure(inFlightPerWeight(penalty, 0.5))(endpoint, 0)).to.be.closeTo(Math.sqrt(6) / 4, 1e-12);
  });
});

describe('expectedWaitPerWeight', () => {
  it('is the peak EWMA times the calls there would be, over the weight', () => {
    const settings = { decayMs: 10_000, initialMs: 30 };
    const ewma = peakEwma(settings);
    const load = measure(expectedWaitPerWeight(penalty, settings));
    const endpoint = { ...candidate('a', 2), active: 3 };
    expect(load(endpoint, 0)).to.equal(60);
    expect(load(endpoint, 3000)).to.be.closeTo(2 * ewma.estimateMs(endpoint, 3000), 1e-9);
    ewma.answered(endpoint, 5, 4000);
    expect(load(endpoint, 4000)).to.equal(10);
    for (let i = 0; i < 2; i++) penalty.penalise(endpoint, 4000);
    expect(load(endpoint, 4000)).to.equal(60);
  });
});

describe('slowGuarded', () => {
  const pool = (...latenciesMs: number[]) =>
    latenciesMs.map((latencyMs, i) => ({ ...candidate(`e${i}`), latencyMs, active: 2 }));
  const guarded = (endpoints: ReturnType<typeof pool>) =>
    measure(slowGuarded(inFlightPerWeight(penalty, 1), endpoints));

  it('multiplies the load of an endpoint by how much slower than the mean it is, less the older the news', () => {
    const endpoints = pool(10, 10, 10, 10, 110); // a mean of 30
    const load = guarded(endpoints);
    const excess = 110 / 30 - 1;
    expect(load(endpoints[4], 0)).to.be.closeTo(2 * (1 + excess), 1e-9);
    expect(load(endpoints[4], 500)).to.be.closeTo(2 * (1 + excess / Math.E), 1e-9);
    expect(load(endpoints[0], 0)).to.equal(2);
  });

  it('leaves one alone that is up to twice as slow', () => {
    const endpoints = pool(10, 10, 10, 10, 10, 10, 10, 10, 22);
    expect(guarded(endpoints)(endpoints[8], 0)).to.equal(2); // 1.94 times the mean, 11.3
    const twice = pool(10, 10, 40); // a mean of 20
    expect(guarded(twice)(twice[2], 0)).to.equal(2);
  });

  it('forgives altogether when the excess is below a quarter', () => {
    const endpoints = pool(10, 10, 10, 10, 110);
    const load = guarded(endpoints);
    const quietMs = 500 * Math.log((110 / 30 - 1) / 0.25);
    expect(load(endpoints[4], quietMs - 1)).to.be.above(2.49);
    expect(load(endpoints[4], quietMs + 1)).to.equal(2);
  });

  it('compares those only that have answered, and guards against nobody where none has', () => {
    const endpoints = pool(0, 0, 10, 10, 10, 90); // a mean of 30
    const load = guarded(endpoints);
    expect(load(endpoints[0], 0)).to.equal(2);
    expect(load(endpoints[5], 0)).to.equal(6);
    const silent = pool(0, 0);
    expect(guarded(silent)(silent[1], 0)).to.equal(2);
  });

  it('compares with the mean of a millisecond ago, and with no older one', () => {
    const endpoints = pool(10, 10, 10, 10, 10);
    const load = guarded(endpoints);
    expect(load(endpoints[4], 0)).to.equal(2);
    endpoints[4].latencyMs = 110; // the mean becomes 30
    expect(load(endpoints[4], 1)).to.be.closeTo(2 * (1 + (110 / 30 - 1) * Math.exp(-1 / 500)), 1e-9);
    endpoints[0].latencyMs = 60; // 40
    expect(load(endpoints[4], 2)).to.be.closeTo(2 * (1 + (110 / 40 - 1) * Math.exp(-2 / 500)), 1e-9);
  });
});
