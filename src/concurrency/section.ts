import { layer4Unit } from '../core/layer4.ts';
import { shown } from '../schema/problem.ts';
import { duration, number } from '../schema/scalar-type.ts';
import { key, optionalSection, type Value } from '../schema/shape.ts';
import type { Draft } from '../schema/typed.ts';

const limit = number({ min: 1, max: 1_000_000 });

/** The keys of `clusters[].adaptiveConcurrency`. */
export const adaptiveConcurrency = optionalSection(
  {
    doc: 'Limits the requests that wait for the start of their reply, over all endpoints, and adapts the limit to the latency of the replies. Requests above the limit fail immediately with `overloaded`, so that an overloaded service still answers the others in time. See resilience.md.',
    example: '{}',
    reload: 'live',
  },
  {
    minLimit: key(limit, {
      default: 3,
      doc: 'Minimum of the limit. Outrigger also measures the latency without queueing with this many requests in flight.',
    }),
    maxLimit: key(limit, { default: 1000, doc: 'Maximum of the limit.' }),
    initialLimit: key(limit, { default: 100, doc: 'Initial limit.' }),
    tolerance: key(number({ min: 1.1, max: 100, whole: false }), {
      default: 1.5,
      doc: 'How many times the latency without queueing the median latency can reach before the limit falls.',
    }),
    probeInterval: key(duration({ min: '5s', max: '24h' }), {
      default: '1m',
      doc: 'Maximum interval at which Outrigger measures the latency without queueing again while it refuses requests. The first interval is 5s; each next one is longer, up to this value, ±15%.',
    }),
  },
);

export type AdaptiveConcurrencyConfig = NonNullable<Value<typeof adaptiveConcurrency>>;

/** Reports what the schema alone cannot see. `path` is within the section. */
export function checkAdaptiveConcurrency(
  { minLimit, maxLimit, initialLimit }: Draft<AdaptiveConcurrencyConfig>,
  protocol: string | undefined,
  problem: (path: string, message: string) => void,
): void {
  const unit = layer4Unit(protocol);
  if (unit !== null)
    problem('', `is for http2 and http1, since ${unit} has no reply to measure; leave it out`);
  if (minLimit === undefined || maxLimit === undefined || initialLimit === undefined) return;
  if (minLimit > maxLimit)
    problem('.minLimit', `${shown(minLimit)} is above maxLimit; write ${maxLimit} or less`);
  else if (initialLimit < minLimit || initialLimit > maxLimit)
    problem(
      '.initialLimit',
      `${shown(initialLimit)} is not within minLimit and maxLimit; write ${minLimit} to ${maxLimit}`,
    );
}
