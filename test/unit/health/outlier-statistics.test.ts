import { expect } from 'chai';
import * as fc from 'fast-check';
import { rateOutliers, type Tally } from '../../../src/health/outlier-statistics.ts';

const successRate = { stdevFactor: 1.9, minEndpoints: 5, minCalls: 100 };
const failurePercentage = { threshold: 85, minEndpoints: 5, minCalls: 50 };
const tallies = (calls: number, ...failures: number[]): Tally[] =>
  failures.map((n) => ({ calls, failures: n, unclearFailures: 0 }));

describe('rateOutliers', () => {
  const bySuccess = (all: Tally[], over: Partial<typeof successRate> = {}) =>
    rateOutliers(all, { successRate: { ...successRate, ...over }, failurePercentage: null });
  const byFailure = (all: Tally[], over: Partial<typeof failurePercentage> = {}) =>
    rateOutliers(all, { successRate: null, failurePercentage: { ...failurePercentage, ...over } });

  it('names who succeeds much less often than the others, with the figures', () => {
    const all = tallies(200, 0, 2, 1, 0, 60);
    const [found, ...others] = bySuccess(all);
    expect(others).to.deep.equal([]);
    expect(found.who).to.equal(all[4]);
    expect(found).to.include({ rule: 'success rate' });
    expect(found.why).to.equal(
      '70% of its 200 calls succeeded, against 93.7% on average and 71.2% at the least',
    );
  });

  it('judges nobody where all do about as badly', () => {
    expect(bySuccess(tallies(200, 60, 62, 58, 61, 64))).to.deep.equal([]);
    expect(bySuccess(tallies(200, 200, 200, 200, 200, 200))).to.deep.equal([]);
  });

  it('a few failures among perfect neighbours are chance', () => {
    expect(bySuccess(tallies(200, 0, 0, 0, 0, 4))).to.deep.equal([]);
    expect(bySuccess(tallies(200, 0, 0, 0, 0, 5))).to.have.length(1);
  });

  it('compares nobody with too few calls, and compares too few endpoints with nobody', () => {
    expect(
      bySuccess([...tallies(200, 0, 0, 0, 0), { calls: 99, failures: 99, unclearFailures: 0 }]),
    ).to.deep.equal([]);
    expect(bySuccess(tallies(200, 0, 0, 0, 100))).to.deep.equal([]);
    expect(
      byFailure([...tallies(60, 0, 0, 0, 0), { calls: 49, failures: 49, unclearFailures: 0 }]),
    ).to.deep.equal([]);
    expect(byFailure(tallies(60, 0, 0, 0, 60))).to.deep.equal([]);
    expect(byFailure(tallies(60, 0, 0, 0, 60), { minEndpoints: 1 })).to.have.length(1);
  });

  it('names who fails most of its calls, the worst first', () => {
    const all = tallies(100, 0, 84, 85, 100, 0);
    expect(byFailure(all).map(({ who }) => who)).to.deep.equal([all[3], all[2]]);
    expect(byFailure(all)[1].why).to.equal('85 of its 100 calls failed, 85%, and 85% is the limit');
  });

  /** Failures that requests may have caused. */
  const unclear = (calls: number, ...failures: number[]): Tally[] =>
    failures.map((n) => ({ calls, failures: 0, unclearFailures: n }));

  it('counts what requests may have caused as far as it is unusual in the cluster', () => {
    const one = unclear(100, 0, 1, 100, 0, 2);
    expect(byFailure(one).map(({ who }) => who)).to.deep.equal([one[2]]);
    const two = unclear(200, 0, 200);
    expect(
      byFailure(two, { minEndpoints: 2 }).map(({ who }) => who),
      'of two',
    ).to.deep.equal([two[1]]);
    const five = unclear(200, 0, 2, 1, 0, 60);
    expect(bySuccess(five).map(({ who }) => who)).to.deep.equal([five[4]]);
  });

  it('counts what is more than twice the median, in whole failures', () => {
    const of = (rows: ReadonlyArray<readonly [calls: number, unclear: number]>): Tally[] =>
      rows.map(([calls, unclearFailures]) => ({ calls, failures: 0, unclearFailures }));
    const found = (rows: ReadonlyArray<readonly [number, number]>): number =>
      byFailure(of(rows), { minEndpoints: 1, minCalls: 1, threshold: 1 }).length;
    const usual = [200, 10] as const;
    expect(found([usual, usual, [200, 24]]), 'four more than 20').to.equal(0);
    expect(found([usual, usual, [200, 25]]), 'five more than 20').to.equal(1);
    expect(found([usual, usual, [205, 25]]), '4.5 more than 20.5').to.equal(0);
    // The median: the one in the middle, of an even number the lower one of the two, and none without calls.
    const [good, bad, idle] = [
      [100, 0],
      [100, 50],
      [0, 0],
    ] as const;
    expect(found([good, bad, bad]), 'of three').to.equal(0);
    expect(found([good, good, bad, bad, bad]), 'of five').to.equal(0);
    expect(found([good, good, bad, bad]), 'of four').to.equal(2);
    expect(found([idle, idle, idle, good, bad]), 'idle ones').to.equal(1);
    expect(found([[1, 0], bad]), 'one call is enough to be compared with').to.equal(1);
  });

  it('needs five failures, and the very share that is written', () => {
    const least = { minEndpoints: 1, minCalls: 1 };
    expect(byFailure(tallies(4, 4), least)).to.deep.equal([]);
    expect(byFailure(tallies(5, 5), least)).to.have.length(1);
    expect(byFailure(tallies(200, 169), least), '84.5%').to.deep.equal([]);
  });

  it('an endpoint without a call is not among those that are compared, even where no calls are required', () => {
    const rest = tallies(200, 0, 0, 0, 100);
    const with0 = [...rest, ...tallies(0, 0)];
    const with1 = [...rest, ...tallies(1, 0)];
    for (const [all, count] of [
      [with0, 0],
      [with1, 1],
    ] as const) {
      expect(bySuccess(all, { minCalls: 0 })).to.have.length(count);
      expect(byFailure(all, { minCalls: 0, threshold: 50 })).to.have.length(count);
    }
    expect(rateOutliers([], { successRate, failurePercentage })).to.deep.equal([]);
  });

  it('judges nobody where one client has its requests fail everywhere', () => {
    for (const share of [0.1, 0.5, 0.9, 1]) {
      const all = unclear(
        200,
        ...[0.9, 1, 1.1, 1, 0.95].map((f) => Math.min(200, Math.round(200 * share * f))),
      );
      expect(byFailure(all), `${share}`).to.deep.equal([]);
      expect(bySuccess(all), `${share}`).to.deep.equal([]);
    }
    expect(byFailure(unclear(200, 200), { minEndpoints: 1 }), 'one alone').to.deep.equal([]);
  });

  it('where clients choose the endpoint, counts what requests may have caused only if nothing succeeded', () => {
    const all = unclear(200, 0, 0, 199, 200, 0);
    const chosen = (clientsChoose: boolean) =>
      rateOutliers(all, { successRate, failurePercentage, clientsChoose }).map(({ who }) => all.indexOf(who));
    expect(chosen(false)).to.have.members([2, 3]);
    expect(chosen(true)).to.deep.equal([3]);
    const own = tallies(200, 0, 0, 0, 0, 199);
    const byOwn = rateOutliers(own, { successRate, failurePercentage, clientsChoose: true });
    expect(
      byOwn.map(({ who }) => who),
      'its own failures count as ever',
    ).to.deep.equal([own[4]]);
  });

  it('names each once, whichever rules are on', () => {
    const all = tallies(200, 0, 0, 0, 0, 0, 200);
    const found = rateOutliers(all, { successRate, failurePercentage });
    expect(found.map(({ who, rule }) => [who, rule])).to.deep.equal([[all[5], 'failure percentage']]);
  });

  it('whoever stands out has failed more of its calls than the average', () => {
    const tally = fc
      .tuple(fc.nat(1000), fc.nat(1000))
      .map(([a, b]) => ({ calls: a + b, failures: a, unclearFailures: 0 }));
    fc.assert(
      fc.property(fc.array(tally, { maxLength: 30 }), (all) => {
        const mean = all.reduce((sum, t) => sum + t.failures / Math.max(1, t.calls), 0) / all.length;
        for (const { who } of bySuccess(all, { minCalls: 1 })) {
          expect(who.failures / who.calls).to.be.greaterThan(mean);
        }
        expect(bySuccess(all, { minCalls: 1 }).length).to.be.at.most(all.length / 2);
      }),
    );
  });
});
