import { expect } from 'chai';
import type { Candidate } from '../../../src/balancing/candidate.ts';
import { failPenalty } from '../../../src/balancing/fail-penalty.ts';
import { candidate } from './simulation.ts';

describe('failPenalty', () => {
  const penalty = failPenalty({ load: 20, decayMs: 1000 });
  /** Two failures in a row. */
  const failTwice = (endpoint: Candidate, nowMs: number) => {
    penalty.penalise(endpoint, nowMs);
    penalty.penalise(endpoint, nowMs);
  };

  it('is none without a failure', () => {
    expect(penalty.loadOf(candidate('a'), 5000)).to.equal(0);
  });

  it('is none for a failure alone, whatever its distance to the success before', () => {
    const endpoint = candidate('a');
    for (const atMs of [10, 20, 5000]) {
      penalty.penalise(endpoint, atMs);
      expect(penalty.loadOf(endpoint, atMs)).to.equal(0);
      penalty.forgive(endpoint);
    }
  });

  it('is the full load at the second failure without a success in between, however long after the first', () => {
    for (const laterMs of [0, 1, 1000, 3_600_000]) {
      const endpoint = candidate('a');
      penalty.penalise(endpoint, 5000);
      penalty.penalise(endpoint, 5000 + laterMs);
      expect(penalty.loadOf(endpoint, 5000 + laterMs)).to.equal(20);
    }
  });

  it('is the full load at a failure after it has faded, if nothing has succeeded since', () => {
    const endpoint = candidate('a');
    failTwice(endpoint, 0);
    expect(penalty.loadOf(endpoint, 60_000)).to.equal(0);
    penalty.penalise(endpoint, 60_000);
    expect(penalty.loadOf(endpoint, 60_000)).to.equal(20);
  });

  it('fades with the time constant', () => {
    const endpoint = candidate('a');
    failTwice(endpoint, 5000);
    expect(penalty.loadOf(endpoint, 5000)).to.equal(20);
    expect(penalty.loadOf(endpoint, 6000)).to.be.closeTo(20 / Math.E, 1e-9);
    expect(penalty.loadOf(endpoint, 7000)).to.be.closeTo(20 / Math.E ** 2, 1e-9);
  });

  it('is nothing once it is below a half', () => {
    const endpoint = candidate('a');
    failTwice(endpoint, 0);
    const halfAtMs = 1000 * Math.log(40);
    expect(penalty.loadOf(endpoint, halfAtMs - 1)).to.be.above(0.5);
    expect(penalty.loadOf(endpoint, halfAtMs + 1)).to.equal(0);
  });

  it('counts a load of one request like any other', () => {
    const endpoint = candidate('a');
    const light = failPenalty({ load: 1, decayMs: 1000 });
    light.penalise(endpoint, 0);
    light.penalise(endpoint, 0);
    expect(light.loadOf(endpoint, 0)).to.equal(1);
  });

  it('does not add up over failures', () => {
    const endpoint = candidate('a');
    for (let i = 0; i < 100; i++) penalty.penalise(endpoint, i);
    expect(penalty.loadOf(endpoint, 99)).to.equal(20);
  });

  it('keeps what is left of a greater penalty, from settings before a reload', () => {
    const endpoint = candidate('a');
    const before = failPenalty({ load: 40, decayMs: 1000 });
    before.penalise(endpoint, 0);
    before.penalise(endpoint, 0);
    penalty.penalise(endpoint, 100);
    expect(penalty.loadOf(endpoint, 100)).to.be.closeTo(40 * Math.exp(-0.1), 1e-9);
  });

  it('is cleared by a success', () => {
    const endpoint = candidate('a');
    failTwice(endpoint, 0);
    penalty.forgive(endpoint);
    expect(penalty.loadOf(endpoint, 0)).to.equal(0);
  });

  it('is off with a load of 0', () => {
    const endpoint = candidate('a');
    const off = failPenalty({ load: 0, decayMs: 1000 });
    off.penalise(endpoint, 10);
    off.penalise(endpoint, 10);
    expect(off.loadOf(endpoint, 10)).to.equal(0);
    expect(penalty.loadOf(endpoint, 10)).to.equal(0);
  });
});
