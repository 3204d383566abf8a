import { headerName } from '../../schema/names.ts';
import { grpcFailure, retryConditions } from '../../schema/retry-conditions.ts';
import { choice, duration, number } from '../../schema/scalar-type.ts';
import { key, optionalSection, section } from '../../schema/shape.ts';

const budget = section(
  { doc: 'What the route may add to the load of its replicas.' },
  {
    percent: key(number({ min: 0, max: 100, whole: false }), {
      default: 20,
      doc: 'Further attempts in flight, back-off included, in percent of the calls in flight on this route.',
    }),
    min: key(number({ min: 0, max: 10_000 }), {
      default: 3,
      doc: 'Retries that may be in flight however few calls there are.',
    }),
  },
);

const attempts = key(number({ min: 2, max: 10 }), {
  default: 3,
  doc: 'Attempts of a call at the most, the first included. Transparent ones, of calls that no replica began, are free.',
});

const headHold = key(duration({ min: '0s', max: '10s' }), {
  default: '50ms',
  doc: 'How long the head of a gRPC reply is held back to see whether only a status follows it, once the client has sent all of its request; while it still sends, its head leaves at once. A message ends the hold, and with the head the call is committed.',
});

/** What makes up for attempts that fail. */
export const retry = optionalSection(
  {
    doc: 'Another attempt after one that failed, on another endpoint if there is one. Only for calls that may run twice. Calls that no replica began are retried on another endpoint without this.',
    example: '{ on: [unavailable], attempts: 3 }',
  },
  {
    on: key(retryConditions, {
      required: true,
      doc: 'What is retried. `5xx` and `gateway-error` (502, 503, 504) go by the HTTP status that the client would get, `connect-failure` and `reset` by how the attempt broke off.',
    }),
    attempts,
    perTryTimeout: key(duration({ min: '1ms' }), {
      otherwise: 'none: `timeout` and `grpc-timeout` alone',
      doc: 'How long an attempt may take until its reply begins; then another one follows, or `deadline_exceeded`.',
    }),
    backoff: section(
      { doc: 'The pause before each retry: anything from nothing to `base`, twice as much each time.' },
      {
        base: key(duration({ min: '1ms', max: '1m' }), { default: '25ms', doc: 'The longest first pause.' }),
        max: key(duration({ min: '1ms', max: '10m' }), {
          default: '250ms',
          doc: 'The longest pause of all.',
        }),
      },
    ),
    headHold,
    budget,
  },
);

/** What makes up for attempts that are slow. */
export const hedge = optionalSection(
  {
    doc: 'Another attempt beside one that is slow, on another endpoint; the first good reply counts, the others are cancelled (gRFC A6). Only for calls that may run twice.',
    example: '{ attempts: 2, delay: 50ms }',
  },
  {
    attempts: key(number({ min: 2, max: 10 }), {
      default: 2,
      doc: 'Attempts of a call at the most, the first included.',
    }),
    delay: key(duration({ min: '0s', max: '1h' }), {
      required: true,
      doc: 'From one attempt to the next; a little above the usual latency.',
    }),
    nonFatal: key(retryConditions, {
      default: ['unavailable'],
      doc: 'Failures after which the other attempts go on and the next follows at once; any other ends the call.',
    }),
    headHold,
    budget,
  },
);

/** How many calls a route takes. */
export const rateLimit = optionalSection(
  {
    doc: 'A bound on how many calls come through this process; more are answered with `rate_limited` and with the time after which to retry.',
    example: '{ requests: 100, per: 1s }',
  },
  {
    requests: key(number({ min: 1, max: 1_000_000_000 }), {
      required: true,
      doc: 'Calls in each `per`, in the long run.',
    }),
    per: key(duration({ min: '1ms', max: '24h' }), {
      default: '1s',
      doc: 'The time that `requests` is for.',
    }),
    burst: key(number({ min: 1, max: 1_000_000_000 }), {
      otherwise: 'as `requests`',
      doc: 'Calls that may come at once, after a time without any.',
    }),
    by: key(choice(['none', 'client', 'header']), {
      default: 'none',
      doc: 'Whose calls are counted together: all of the route, those of one client address, or those with one value of `header`.',
    }),
    header: key(headerName, {
      doc: 'For `by: header`: whose value. Values that are alike in their first 128 characters are one; calls without it are counted together.',
    }),
    maxKeys: key(number({ min: 1, max: 10_000_000 }), {
      default: 10_000,
      doc: 'Clients or values that are counted apart. Beyond it the one that was quiet for longest is forgotten, and may have a burst again.',
    }),
  },
);

const percent = key(number({ min: 0, max: 100, whole: false }), {
  required: true,
  doc: 'Part of the calls, drawn at random.',
});

/** Trouble on purpose. */
export const fault = optionalSection(
  {
    doc: 'Injects faults, to test clients with. A call may be delayed and then fail. WebSockets are not delayed.',
    example: '{ abort: { percent: 1, grpcStatus: unavailable } }',
  },
  {
    delay: optionalSection(
      { doc: 'Holds calls up before they are sent on.', example: '{ percent: 10, time: 200ms }' },
      {
        percent,
        time: key(duration({ min: '1ms', max: '1h' }), { required: true, doc: 'For how long.' }),
      },
    ),
    abort: optionalSection(
      {
        doc: 'Answers calls with `fault_injected` instead of sending them on.',
        example: '{ percent: 1, grpcStatus: unavailable }',
      },
      {
        percent,
        grpcStatus: key(grpcFailure, { otherwise: '`unavailable`', doc: 'What gRPC clients get.' }),
        httpStatus: key(number({ min: 400, max: 599 }), { otherwise: '503', doc: 'What other clients get.' }),
      },
    ),
  },
);
