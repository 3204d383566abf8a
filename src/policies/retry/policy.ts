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
      doc: 'Retries a failed attempt, on another endpoint if there is one. Use this only for requests that are safe to run twice. Without this section, Outrigger still retries requests that no endpoint has started to process (transparent retries).',
      example: '{ on: [unavailable], attempts: 3 }',
    },
    {
      on: key(retryConditions, {
        required: true,
        doc: 'Failures to retry. `5xx` and `gateway-error` (502, 503, 504) match the HTTP status that the client would get. `connect-failure` and `reset` match attempts whose connection could not be opened or whose stream was reset.',
      }),
      attempts: key(number({ min: 2, max: 10 }), {
        default: 3,
        doc: 'Maximum number of attempts for each request, including the first. Transparent retries do not count.',
      }),
      perTryTimeout: key(duration({ min: '1ms' }), {
        otherwise: 'none: only `timeout` and `grpc-timeout` apply',
        doc: 'Maximum time until the reply of an attempt starts. Then Outrigger starts the next attempt, or fails the request with `deadline_exceeded` if none is left.',
      }),
      backoff: section(
        {
          doc: 'Delay before each retry: a random time up to `base`, which doubles with each retry up to `max`.',
        },
        {
          base: key(duration({ min: '1ms', max: '1m' }), {
            default: '25ms',
            doc: 'Maximum delay before the first retry.',
          }),
          max: key(duration({ min: '1ms', max: '10m' }), {
            default: '250ms',
            doc: 'Maximum delay before any retry.',
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
