import { expect } from 'chai';
import { movingAverage, peakEwma } from '../../../src/balancing/latency.ts';
import { candidate } from './simulation.ts';

describe('peakEwma', () => {
  const ewma = peakEwma({ decayMs: 10_000, initialMs: 30 });

  it('guesses before the first answer, and the guess falls as an estimate does', () => {
    const endpoint = candidate('a');
    endpoint.latencyAtMs = 1000; // when it came
    expect(ewma.estimateMs(endpoint, 1000)).to.equal(30);
    expect(ewma.estimateMs(endpoint, 11_000)).to.be.closeTo(30 / Math.E, 1e-9);
  });

  it('takes the first answer as it is, below the guess too', () => {
    const endpoint = candidate('a');
    ewma.answered(endpoint, 2, 500);
    expect(ewma.estimateMs(endpoint, 500)).to.equal(2);
  });

  it('rises to a peak at once and comes down with the time constant', () => {
    const endpoint = candidate('a');
    ewma.answered(endpoint, 2, 0);
    ewma.answered(endpoint, 100, 10);
    expect(ewma.estimateMs(endpoint, 10)).to.equal(100);
    for (let nowMs = 20; nowMs <= 10_010; nowMs += 10) ewma.answered(endpoint, 2, nowMs);
    expect(ewma.estimateMs(endpoint, 10_010)).to.be.closeTo(2 + 98 / Math.E, 0.1);
  });

  it('does not depend on how often it is updated', () => {
    const [often, seldom] = [candidate('often'), candidate('seldom')];
    for (const endpoint of [often, seldom]) ewma.answered(endpoint, 50, 0);
    for (let nowMs = 1; nowMs <= 5000; nowMs++) ewma.answered(often, 10, nowMs);
    ewma.answered(seldom, 10, 5000);
    expect(ewma.estimateMs(often, 5000)).to.be.closeTo(ewma.estimateMs(seldom, 5000), 1e-6);
  });

  it('falls towards nothing in silence, so that an endpoint that was slow once is asked again', () => {
    const endpoint = candidate('a');
    ewma.answered(endpoint, 1000, 0);
    expect(ewma.estimateMs(endpoint, 60_000)).to.be.below(3);
  });

  it('learns nothing from quick failures, and something from slow ones', () => {
    const endpoint = candidate('a');
    ewma.answered(endpoint, 10, 0);
    ewma.failed(endpoint, 0.1, 1);
    expect(endpoint.latencyMs).to.equal(10);
    ewma.failed(endpoint, 900, 2);
    expect(endpoint.latencyMs).to.equal(900);
  });
});

describe('movingAverage', () => {
  it('begins with the first answer and moves a tenth of the way with each', () => {
    const endpoint = candidate('a');
    movingAverage.answered(endpoint, 10, 5);
    expect(endpoint).to.include({ latencyMs: 10, latencyAtMs: 5 });
    movingAverage.answered(endpoint, 20, 6);
    expect(endpoint.latencyMs).to.be.closeTo(11, 1e-9);
    expect(endpoint.latencyAtMs).to.equal(6);
  });

  it('learns nothing from quick failures, and something from slow ones', () => {
    const endpoint = candidate('a');
    movingAverage.failed(endpoint, 5, 0);
    expect(endpoint.latencyMs).to.equal(0);
    movingAverage.answered(endpoint, 10, 1);
    movingAverage.failed(endpoint, 5, 2);
    expect(endpoint.latencyMs).to.equal(10);
    movingAverage.failed(endpoint, 110, 3);
    expect(endpoint.latencyMs).to.equal(20);
    const quick = candidate('b');
    movingAverage.answered(quick, 0.5, 0);
    movingAverage.failed(quick, 100.5, 1);
    expect(quick.latencyMs).to.be.closeTo(10.5, 1e-9);
  });
});
