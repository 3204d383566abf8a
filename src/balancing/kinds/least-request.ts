import type { Random } from '../../core/random.ts';
import { number, toggle, wordOr } from '../../schema/scalar-type.ts';
import { key } from '../../schema/shape.ts';
import type { Balancer, Candidate } from '../candidate.ts';
import { failPenalty } from '../fail-penalty.ts';
import { balancerKind } from '../kind.ts';
import { movingAverage } from '../latency.ts';
import { leastLoaded } from '../least-loaded.ts';
import { inFlightPerWeight, slowGuarded } from '../load-metric.ts';
import { activePerWeight, ofThousandths } from '../pick-reason.ts';
import type { BalancerSettings } from '../settings.ts';
import { sharedLeast } from '../shared-load/shared-least.ts';
import { SharedLoad } from '../shared-load/shared-load.ts';
import { failPenaltyKeys } from './shared-keys.ts';

/** `least_request`: the fewest requests in flight for the weight. */
export const leastRequest = balancerKind({
  name: 'least_request',
  doc: 'the endpoint with the fewest requests in flight relative to its weight',
  keys: {
    choices: key(wordOr('auto', number({ min: 1, max: 1000 })), {
      default: 'auto',
      doc: 'For `least_request`: how many endpoints Outrigger compares for each request. `auto`: all endpoints if there are at most 32, otherwise five random ones. 2 is the power of two choices.',
    }),
    bias: key(number({ min: 0.1, max: 10, whole: false }), {
      default: 1,
      doc: 'For `least_request`: exponent on the requests in flight. A value above 1 avoids busy endpoints more strongly than their weights say, a value below 1 less strongly.',
    }),
    slowGuard: key(toggle, {
      default: false,
      doc: 'For `least_request`: if the latency of an endpoint is more than twice the mean, Outrigger multiplies its load by that ratio. The penalty decays within about a second if the endpoint sends no replies.',
    }),
    useReports: key(toggle, {
      default: true,
      doc: 'For `least_request`: if the cluster accepts load reports (`loadReports.accept`) and endpoints report their requests in flight, Outrigger compares these and the latency of their replies too, so that many sidecars in front of the same endpoints balance as one. Has no effect with `bias` or `slowGuard`.',
    }),
    ...failPenaltyKeys,
  },
  clientsChoose: false,
  estimator: ({ slowGuard }) => (slowGuard ? movingAverage : null),
  reports: ({ useReports, bias, slowGuard }) =>
    useReports && bias === 1 && !slowGuard ? new SharedLoad() : null,
  create: ({ over, settings, random, reports }) =>
    over((endpoints) => {
      const own = chooseLeast(endpoints, settings, random);
      return reports instanceof SharedLoad ? sharedLeast(endpoints, settings, random, reports, own) : own;
    }),
});

export function chooseLeast<E extends Candidate>(
  endpoints: readonly E[],
  settings: BalancerSettings,
  random: Random,
): Balancer<E> {
  const { bias, slowGuard } = settings;
  const inFlight = inFlightPerWeight(failPenalty(settings.failPenalty), bias);
  const metric = slowGuard ? slowGuarded(inFlight, endpoints) : inFlight;
  const least =
    bias === 1 ? 'the fewest requests in flight per weight' : `the least load (in flight^${bias} / weight)`;
  const more = slowGuard ? 'recent failures or slow replies' : 'recent failures';
  return leastLoaded(endpoints, metric, settings.choices, random, {
    least,
    side(active, weight, load) {
      const counts = activePerWeight(active, weight);
      const plain = ((bias === 1 ? active : active ** bias) * 1000) / weight;
      // Kept to a thousandth, like the load itself.
      if (load - plain * 1000 > 1) return `${counts}, counted as ${ofThousandths(load)} after ${more}`;
      return bias === 1 ? counts : `${counts}, load ${ofThousandths(load)}`;
    },
  });
}
