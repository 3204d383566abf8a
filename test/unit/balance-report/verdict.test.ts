import { expect } from 'chai';
import fc from 'fast-check';
import type { ClusterSample, EndpointSample } from '../../../src/balance-report/sample.ts';
import { judge } from '../../../src/balance-report/verdict.ts';
import { SeededRandom } from '../../../src/core/random.ts';

function endpoint(n: number, over: Partial<EndpointSample> = {}): EndpointSample {
  return {
    endpoint: `10.0.0.${n}:80`,
    picks: 100,
    errors: 0,
    active: 2,
    activePerWeight: 2,
    share: 1 / 3,
    isInSlowStart: false,
    p50Ms: () => 10,
    ...over,
  };
}

function sample(endpoints: readonly EndpointSample[], over: Partial<ClusterSample> = {}): ClusterSample {
  const picks = endpoints.reduce((sum, one) => sum + one.picks, 0);
  return {
    policy: 'least_request',
    windowMs: 10_000,
    ticks: 10,
    endpointCount: endpoints.length,
    endpoints,
    picks,
    requests: picks,
    attempts: picks,
    ...{ waiting: 0, waits: 0, waitSeconds: 0 },
    ...over,
  };
}

/** Three endpoints, of which the third differs. */
function odd(over: Partial<EndpointSample>, cluster: Partial<ClusterSample> = {}): ClusterSample {
  return sample([endpoint(1), endpoint(2), endpoint(3, over)], cluster);
}

const rows: ReadonlyArray<readonly [string, ClusterSample, string, string]> = [
  [
    'even shares',
    odd({ picks: 104 }),
    'balanced',
    'balanced: 3 endpoints get 0.99 to 1.03 × their share of 304 attempts',
  ],
  [
    'shares as the weights say',
    sample([endpoint(1, { share: 0.25 }), endpoint(2, { share: 0.75, picks: 300, active: 6 })]),
    'balanced',
    'balanced: 2 endpoints get 1.00 to 1.00 × their share of 400 attempts',
  ],
  [
    'an endpoint that answers faster, with a policy that follows load',
    odd({ picks: 400, p50Ms: () => 2.04 }),
    'uneven_by_policy',
    'uneven by policy: 10.0.0.3:80 gets 2.0 × its share because it answers faster (p50 2 ms, the other endpoints 10 ms) and least_request follows load',
  ],
  [
    'an endpoint that answers more slowly',
    odd({ picks: 20, p50Ms: () => 48 }, { policy: 'peak_ewma' }),
    'uneven_by_policy',
    'uneven by policy: 10.0.0.3:80 gets 0.27 × its share because it answers more slowly (p50 48 ms, the other endpoints 10 ms) and peak_ewma follows load',
  ],
  [
    'an endpoint that does not answer at all',
    odd({ picks: 0, active: 30.2, activePerWeight: 30.2, p50Ms: () => null }),
    'uneven_by_policy',
    'uneven by policy: 10.0.0.3:80 gets 0.00 × its share because it holds 30 attempts in flight (the other endpoints 2 on average) and least_request follows load',
  ],
  [
    'an endpoint that attracts requests because it fails quickly',
    odd({ picks: 400, errors: 390, p50Ms: () => 1 }),
    'uneven',
    'uneven: 10.0.0.3:80 gets 2.0 × its share because 98% of its attempts fail and quick failures leave it few requests in flight; configure outlier detection',
  ],
  [
    'an endpoint that fails and gets less',
    odd({ picks: 30, errors: 15 }),
    'uneven',
    'uneven: 10.0.0.3:80 gets 0.39 × its share because 50% of its attempts fail and failed attempts lower its share',
  ],
  [
    'errors of every endpoint explain nothing',
    sample([
      endpoint(1, { errors: 50 }),
      endpoint(2, { errors: 50 }),
      endpoint(3, { errors: 60, picks: 300 }),
    ]),
    'uneven',
    'uneven: 10.0.0.3:80 gets 1.8 × its share; its weight, errors and latency do not explain this',
  ],
  [
    'a key with most of the requests',
    odd({ picks: 900 }, { policy: 'ring_hash' }),
    'uneven_by_policy',
    'uneven by policy: 10.0.0.3:80 gets 2.5 × its share because ring_hash sends requests with the same key to the same endpoint, and some keys have more requests than others',
  ],
  [
    'a policy that should be even and is not',
    odd({ picks: 300, p50Ms: () => 2 }, { policy: 'round_robin' }),
    'uneven',
    'uneven: 10.0.0.3:80 gets 1.8 × its share; its weight, errors and latency do not explain this',
  ],
  [
    'even shares, and one endpoint that holds most requests',
    odd({ active: 20, activePerWeight: 20, p50Ms: () => 95 }, { policy: 'round_robin' }),
    'uneven',
    'uneven: 10.0.0.3:80 holds 2.5 × the mean of attempts in flight because its requests take longer (p50 95 ms, the other endpoints 10 ms), and round_robin does not follow load',
  ],
  [
    'few requests in flight are no unevenness',
    odd({ active: 3, activePerWeight: 3, p50Ms: () => 95 }, { policy: 'round_robin' }),
    'balanced',
    'balanced: 3 endpoints get 1.00 to 1.00 × their share of 300 attempts',
  ],
  [
    'an endpoint in slow start',
    odd({ picks: 20, isInSlowStart: true }),
    'balanced',
    'balanced: 3 endpoints get 0.27 to 1.36 × their share of 220 attempts',
  ],
  [
    'differences that chance explains',
    sample([endpoint(1, { picks: 10 }), endpoint(2, { picks: 16 }), endpoint(3, { picks: 6 })]),
    'balanced',
    'balanced: 3 endpoints get 0.56 to 1.50 × their share of 32 attempts',
  ],
  [
    'hardly any requests',
    sample([endpoint(1, { picks: 1 }), endpoint(2, { picks: 0 })], { windowMs: 4_000 }),
    'too_few_requests',
    'too few requests to judge: 1 attempt in the last 4 s',
  ],
  [
    'endpoints that changed just now',
    odd({ picks: 0 }, { ticks: 1 }),
    'changing',
    'endpoints or weights changed less than 2 s ago',
  ],
  ['one endpoint', sample([endpoint(1)]), 'single_endpoint', 'one endpoint, 10.0.0.1:80, gets all requests'],
  ['no usable endpoint', sample([], { endpointCount: 2 }), 'no_endpoint', 'no endpoint is usable'],
  ['no endpoints', sample([]), 'no_endpoint', 'the cluster has no endpoints'],
];

describe('balance-report/verdict', () => {
  for (const [what, cluster, verdict, text] of rows) {
    it(`${what}: ${verdict}`, () => {
      expect(judge(cluster)).to.deep.equal({ verdict, text });
    });
  }

  it('a random choice by weight counts as balanced, however many endpoints there are', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 100 }),
        fc.integer({ min: 20, max: 5_000 }),
        (seed, weights, picks) => {
          const random = new SeededRandom(seed);
          const whole = weights.reduce((sum, weight) => sum + weight, 0);
          const drawn = weights.map(() => 0);
          for (let i = 0; i < picks; i++) {
            let left = random.next() * whole;
            const at = weights.findIndex((weight) => {
              left -= weight;
              return left < 0;
            });
            drawn[at]++;
          }
          const endpoints = weights.map((weight, n) =>
            endpoint(n, { share: weight / whole, picks: drawn[n] }),
          );
          return judge(sample(endpoints)).verdict === 'balanced';
        },
      ),
      { seed: 20_261_130, numRuns: 200 },
    );
  });
});
