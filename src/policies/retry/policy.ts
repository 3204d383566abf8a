import { retryDispatcher } from '../../call/dispatch/retry.ts';
import { RetryBudget } from '../../call/dispatch/retry-budget.ts';
import { compileRetryConditions } from '../../call/dispatch/retry-conditions.ts';
import { requestTraffic } from '../../call/stage.ts';
import { formatDuration } from '../../core/units.ts';
import { retryConditions } from '../../schema/retry-conditions.ts';
import { duration, number } from '../../schema/scalar-type.ts';
import { key, optionalSection, section } from '../../schema/shape.ts';
import { budget, checkRepeatable, headHold, outlasts } from '../attempts.ts';
import { definePolicy } from '../policy.ts';

/** Another attempt after one that failed. */
export const retry = definePolicy({
  key: 'retry',
  schema: optionalSection(
    {
      doc: 'Another attempt after one that failed, on another endpoint if there is one. Only for calls that may run twice. Calls that no replica began are retried on another endpoint without this.',
      example: '{ on: [unavailable], attempts: 3 }',
    },
    {
      on: key(retryConditions, {
        required: true,
        doc: 'What is retried. `5xx` and `gateway-error` (502, 503, 504) go by the HTTP status that the client would get, `connect-failure` and `reset` by how the attempt broke off.',
      }),
      attempts: key(number({ min: 2, max: 10 }), {
        default: 3,
        doc: 'Attempts of a call at the most, the first included. Transparent ones, of calls that no replica began, are free.',
      }),
      perTryTimeout: key(duration({ min: '1ms' }), {
        otherwise: 'none: `timeout` and `grpc-timeout` alone',
        doc: 'How long an attempt may take until its reply begins; then another one follows, or `deadline_exceeded`.',
      }),
      backoff: section(
        { doc: 'The pause before each retry: anything from nothing to `base`, twice as much each time.' },
        {
          base: key(duration({ min: '1ms', max: '1m' }), {
            default: '25ms',
            doc: 'The longest first pause.',
          }),
          max: key(duration({ min: '1ms', max: '10m' }), {
            default: '250ms',
            doc: 'The longest pause of all.',
          }),
        },
      ),
      headHold,
      budget,
    },
  ),

  check({ on, perTryTimeoutMs, backoff }, context) {
    const { timeoutMs } = context.route;
    if (perTryTimeoutMs !== undefined && outlasts(perTryTimeoutMs, timeoutMs))
      context.problem(
        '.perTryTimeout',
        `"${formatDuration(perTryTimeoutMs)}" is no shorter than timeout, so that no second attempt would begin; write less than ${formatDuration(timeoutMs)}`,
      );
    if (backoff?.baseMs !== undefined && backoff.maxMs !== undefined && backoff.baseMs > backoff.maxMs)
      context.problem(
        '.backoff.base',
        `"${formatDuration(backoff.baseMs)}" is longer than max; write ${formatDuration(backoff.maxMs)} or less`,
      );
    checkRepeatable('on', on, context);
  },

  compile({ on, attempts, perTryTimeoutMs, backoff, headHoldMs, budget }, { random }) {
    return {
      policy: 'retry',
      appliesTo: requestTraffic,
      newDispatcher: retryDispatcher({
        kind: 'retry',
        on: compileRetryConditions(on),
        perTryTimeoutMs: perTryTimeoutMs ?? Number.POSITIVE_INFINITY,
        backoff,
        attemptsMax: attempts,
        headHoldMs,
        budget: new RetryBudget(budget),
        random,
      }),
    };
  },
});
