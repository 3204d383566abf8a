import { hedgeDispatcher } from '../../call/dispatch/hedge.ts';
import { RetryBudget } from '../../call/dispatch/retry-budget.ts';
import { compileRetryConditions } from '../../call/dispatch/retry-conditions.ts';
import { requestTraffic } from '../../call/stage.ts';
import { formatDuration } from '../../core/units.ts';
import { shown } from '../../schema/problem.ts';
import { retryConditions } from '../../schema/retry-conditions.ts';
import { duration, number } from '../../schema/scalar-type.ts';
import { key, optionalSection } from '../../schema/shape.ts';
import { budget, checkRepeatable, headHold, outlasts } from '../attempts.ts';
import { definePolicy } from '../policy.ts';

/** Another attempt beside one that is slow (gRFC A6, "Hedging"). */
export const hedge = definePolicy({
  key: 'hedge',
  schema: optionalSection(
    {
      doc: 'Hedging (gRFC A6): if an attempt is slow, Outrigger starts another one on another endpoint, uses the first good reply and cancels the other attempts. Use this only for requests that are safe to run twice.',
      example: '{ attempts: 2, delay: 50ms }',
    },
    {
      attempts: key(number({ min: 2, max: 10 }), {
        default: 2,
        doc: 'Maximum number of attempts for each request, including the first.',
      }),
      delay: key(duration({ min: '0s', max: '1h' }), {
        required: true,
        doc: 'Time between the start of one attempt and the next. Choose a value slightly above the usual latency.',
      }),
      nonFatal: key(retryConditions, {
        default: ['unavailable'],
        doc: 'Failures after which the other attempts continue and the next attempt starts immediately. Any other failure ends the request.',
      }),
      headHold,
      budget,
    },
  ),

  check({ delayMs, nonFatal }, context) {
    const { route, cluster } = context;
    if (route.retry !== undefined)
      context.problem('', 'a route has hedge or retry, not both (gRFC A6); write one of them');
    else checkRepeatable('nonFatal', nonFatal, context);
    if (delayMs !== undefined && outlasts(delayMs, route.timeoutMs))
      context.problem(
        '.delay',
        `"${formatDuration(delayMs)}" is no shorter than timeout, so that no second attempt would begin; write less than ${formatDuration(route.timeoutMs)}`,
      );
    if (cluster?.discovery === undefined && cluster?.endpoints?.length === 1)
      context.warning(
        '',
        `does nothing for calls that are slow: cluster ${shown(cluster.name)} has one endpoint, and another attempt requires another endpoint`,
      );
  },

  compile({ attempts, delayMs, nonFatal, headHoldMs, budget }, { random }) {
    return {
      policy: 'hedge',
      appliesTo: requestTraffic,
      newDispatcher: hedgeDispatcher({
        kind: 'hedge',
        nonFatal: compileRetryConditions(nonFatal),
        delayMs,
        attemptsMax: attempts,
        headHoldMs,
        budget: new RetryBudget(budget),
        random,
      }),
    };
  },
});
