import { shown } from '../schema/problem.ts';
import { duration, number } from '../schema/scalar-type.ts';
import { key, optionalSection, type Value } from '../schema/shape.ts';
import type { Draft } from '../schema/typed.ts';

const limit = number({ min: 1, max: 1_000_000 });

/** The keys of `clusters[].adaptiveConcurrency`. */
export const adaptiveConcurrency = optionalSection(
  {
    doc: 'A limit on requests that wait for their reply to begin, over all endpoints, that follows the latency of the replies. More fail at once as `overloaded`, so that an overloaded service keeps answering the rest in time. See resilience.md.',
    example: '{}',
    reload: 'live',
  },
  {
    minLimit: key(limit, {
      default: 3,
      doc: 'The limit does not fall below this. The latency without queueing is measured with this many requests.',
    }),
    maxLimit: key(limit, { default: 1000, doc: 'The limit does not rise above this.' }),
    initialLimit: key(limit, { default: 100, doc: 'The limit at the start.' }),
    tolerance: key(number({ min: 1.1, max: 100, whole: false }), {
      default: 1.5,
      doc: 'How many times the latency without queueing the median may be before the limit falls.',
    }),
    probeInterval: key(duration({ min: '5s', max: '24h' }), {
      default: '1m',
      doc: 'How often the latency without queueing is measured again while requests are refused: after 5s at first, then at growing intervals up to this, give or take 15%.',
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
  if (protocol === 'tcp')
    problem('', 'is for http2 and http1, since a tcp connection has no reply to measure; leave it out');
  if (minLimit === undefined || maxLimit === undefined || initialLimit === undefined) return;
  if (minLimit > maxLimit)
    problem('.minLimit', `${shown(minLimit)} is above maxLimit; write ${maxLimit} or less`);
  else if (initialLimit < minLimit || initialLimit > maxLimit)
    problem(
      '.initialLimit',
      `${shown(initialLimit)} is not within minLimit and maxLimit; write ${minLimit} to ${maxLimit}`,
    );
}
