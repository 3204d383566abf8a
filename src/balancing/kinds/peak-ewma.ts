import { duration } from '../../schema/scalar-type.ts';
import { key, section } from '../../schema/shape.ts';
import { failPenalty } from '../fail-penalty.ts';
import { balancerKind } from '../kind.ts';
import { peakEwma as estimatorOf } from '../latency.ts';
import { leastLoaded } from '../least-loaded.ts';
import { expectedWaitPerWeight } from '../load-metric.ts';
import { ofThousandths } from '../pick-reason.ts';
import { failPenaltyKeys } from './shared-keys.ts';

/** `peak_ewma`: the power of two choices over what a request would have to wait for (Finagle, Linkerd). */
export const peakEwma = balancerKind({
  name: 'peak_ewma',
  doc: 'of two random endpoints, the one with the lower latency times requests in flight',
  keys: {
    peakEwma: section(
      {
        doc: 'For `peak_ewma`: how Outrigger estimates latency, from the pick of the endpoint to the headers of the reply.',
      },
      {
        decay: key(duration({ min: '10ms', max: '10m' }), {
          default: '10s',
          doc: 'Time constant with which the estimate falls. The estimate rises immediately.',
        }),
        initial: key(duration({ min: '1ms', max: '1m' }), {
          default: '30ms',
          doc: 'Estimated latency of an endpoint before its first reply.',
        }),
      },
    ),
    ...failPenaltyKeys,
  },
  clientsChoose: false,
  estimator: (settings) => estimatorOf(settings.peakEwma),
  create({ over, settings, random }) {
    const metric = expectedWaitPerWeight(failPenalty(settings.failPenalty), settings.peakEwma);
    return over((endpoints) =>
      leastLoaded(endpoints, metric, 2, random, {
        least: 'the shortest expected wait',
        side: (active, weight, load) =>
          `${ofThousandths(load)} ms with ${active} in flight and weight ${ofThousandths(weight)}`,
      }),
    );
  },
});
