import { type RequestView, requestTraffic, type Verdict } from '../../call/stage.ts';
import { headerName } from '../../schema/names.ts';
import { shown } from '../../schema/problem.ts';
import { choice, duration, number } from '../../schema/scalar-type.ts';
import { key, optionalSection } from '../../schema/shape.ts';
import { definePolicy, routeLabels } from '../policy.ts';
import { RateLimit, rateLimitKey } from './rate-limit.ts';

const whose = { none: 'calls', client: 'calls of this client', header: 'calls of its key' } as const;

/** How many requests a route takes: a token bucket for the route, for each client or for each value of a header. */
export const rateLimit = definePolicy({
  key: 'rateLimit',
  schema: optionalSection(
    {
      doc: 'Limits the rate of requests through this process. Requests above the limit get `rate_limited` and the time after which to retry.',
      example: '{ requests: 100, per: 1s }',
    },
    {
      requests: key(number({ min: 1, max: 1_000_000_000 }), {
        required: true,
        doc: 'Average number of requests allowed in each period `per`.',
      }),
      per: key(duration({ min: '1ms', max: '24h' }), {
        default: '1s',
        doc: 'Period that `requests` applies to.',
      }),
      burst: key(number({ min: 1, max: 1_000_000_000 }), {
        otherwise: 'same as `requests`',
        doc: 'Number of requests that can arrive at once after an idle period.',
      }),
      by: key(choice(['none', 'client', 'header']), {
        default: 'none',
        doc: 'What has its own limit: the whole route (`none`), each client address (`client`), or each value of `header` (`header`).',
      }),
      header: key(headerName, {
        doc: 'For `by: header`: name of the header. Outrigger compares only the first 128 characters of a value. Requests without the header share one limit.',
      }),
      maxKeys: key(number({ min: 1, max: 10_000_000 }), {
        default: 10_000,
        doc: 'Maximum number of clients or values with their own limit. Above it, Outrigger forgets the one that has been idle the longest; that one can send a full burst again.',
      }),
    },
  ),

  check({ by, header }, { problem }) {
    if (by === 'header' && header === undefined)
      problem('.header', 'is missing; write the header that by: header is to go by');
    else if (by !== undefined && by !== 'header' && header !== undefined)
      problem('.header', `${shown(header)} is for by: header, and this is by: ${by}; write by: header`);
  },

  metrics: (registry) =>
    registry.counter({
      name: 'outrigger.rate_limited',
      unit: '{call}',
      help: 'Requests that the rate limit of their route refused.',
    }),

  compile({ requests, perMs, burst = requests, by, header = '', maxKeys }, { metrics }) {
    const limit = new RateLimit({ calls: requests, perMs, burst, keysMax: maxKeys });
    const name = header.toLowerCase();
    const keyOf = ({ record, requestHead }: RequestView): string => {
      if (by === 'client') return record.clientAddress;
      return by === 'header' ? rateLimitKey(requestHead.get(name) ?? '') : '';
    };
    return {
      policy: 'rateLimit',
      appliesTo: requestTraffic,
      request(request): Verdict {
        const waitMs = limit.take(keyOf(request), request.clock.now());
        if (waitMs === 0) return null;
        metrics.bind(routeLabels(request)).add(1);
        const retryAfterMs = Math.ceil(waitMs);
        const detail = `more ${whose[by]} come than the route allows; there is room in ${retryAfterMs} ms`;
        return {
          kind: 'error',
          error: { code: 'rate_limited', detail, mayHaveProcessed: false, retryAfterMs },
        };
      },
    };
  },
});
