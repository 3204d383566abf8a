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
  doc: 'the shortest wait, by latency and calls in flight, of two drawn',
  keys: {
    peakEwma: section(
      { doc: 'For `peak_ewma`: how latency is learnt, from the pick to the head of the reply.' },
      {
        decay: key(duration({ min: '10ms', max: '10m' }), {
          default: '10s',
          doc: 'Time constant with which an estimate falls. It rises at once.',
        }),
        initial: key(duration({ min: '1ms', max: '1m' }), {
          default: '30ms',
          doc: 'What an endpoint is taken to need before its first answer.',
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
