import { requestTraffic, type Verdict } from '../../call/stage.ts';
import { grpcStatusOfCondition } from '../../core/retry-condition.ts';
import { grpcFailure } from '../../schema/retry-conditions.ts';
import { duration, number } from '../../schema/scalar-type.ts';
import { key, optionalSection, type Value } from '../../schema/shape.ts';
import { addNote } from '../../telemetry/call-record.ts';
import { definePolicy, routeLabels } from '../policy.ts';
import { Fault, type FaultSettings } from './fault.ts';

const percent = key(number({ min: 0, max: 100, whole: false }), {
  required: true,
  doc: 'Percentage of the requests, chosen at random.',
});

const schema = optionalSection(
  {
    doc: 'Injects faults, to test clients. With both `delay` and `abort`, a request can be delayed and then fail.',
    example: '{ abort: { percent: 1, grpcStatus: unavailable } }',
  },
  {
    delay: optionalSection(
      { doc: 'Delays requests before Outrigger forwards them.', example: '{ percent: 10, time: 200ms }' },
      {
        percent,
        time: key(duration({ min: '1ms', max: '1h' }), { required: true, doc: 'Duration of the delay.' }),
      },
    ),
    abort: optionalSection(
      {
        doc: 'Answers requests with `fault_injected` instead of forwarding them.',
        example: '{ percent: 1, grpcStatus: unavailable }',
      },
      {
        percent,
        grpcStatus: key(grpcFailure, { otherwise: '`unavailable`', doc: 'Status for gRPC calls.' }),
        httpStatus: key(number({ min: 400, max: 599 }), {
          otherwise: '503',
          doc: 'HTTP status for other requests.',
        }),
      },
    ),
  },
);

/** Injected delays and errors, so that clients can be tested against them. */
export const fault = definePolicy({
  key: 'fault',
  schema,

  check({ delay, abort }, { problem }) {
    if (delay === undefined && abort === undefined)
      problem('', 'injects no fault; write delay: {…} or abort: {…}, or leave it out');
  },

  metrics: (registry) =>
    registry.counter({
      name: 'outrigger.faults',
      unit: '{fault}',
      help: 'Faults injected into the requests of a route.',
    }),

  compile(config, { random, metrics }) {
    const fault = new Fault(settingsOf(config), random);
    return {
      policy: 'fault',
      appliesTo: requestTraffic,
      request(request, resume): Verdict {
        const injected = (kind: 'delay' | 'abort') =>
          metrics.bind({ ...routeLabels(request), 'outrigger.fault': kind }).add(1);
        const abort = (): Verdict => {
          const verdict = abortOf(fault);
          if (verdict !== null) injected('abort');
          return verdict;
        };
        const delayMs = fault.drawDelayMs();
        if (delayMs === 0) return abort();
        injected('delay');
        addNote(request.record, {
          policy: 'fault',
          text: `delayed the request by ${delayMs} ms`,
          facts: { faultDelayMs: delayMs },
        });
        const timer = request.clock.after(delayMs, () => resume(abort()));
        return { kind: 'wait', cancel: () => timer.cancel() };
      },
    };
  },
});

function settingsOf({ delay, abort }: NonNullable<Value<typeof schema>>): FaultSettings {
  return {
    delay: delay === undefined ? null : { percent: delay.percent, ms: delay.timeMs },
    abort:
      abort === undefined
        ? null
        : {
            percent: abort.percent,
            grpcStatus: abort.grpcStatus === undefined ? null : grpcStatusOfCondition(abort.grpcStatus),
            httpStatus: abort.httpStatus ?? null,
          },
  };
}

/** The injected error, for as many requests as the route is to fail. */
function abortOf(fault: Fault): Verdict {
  if (!fault.drawAbort()) return null;
  const { grpcStatus, httpStatus } = fault.settings.abort!;
  return {
    kind: 'error',
    error: {
      code: 'fault_injected',
      detail: 'the route injects this fault',
      mayHaveProcessed: false,
      grpcStatus: grpcStatus ?? undefined,
      httpStatus: httpStatus ?? undefined,
    },
  };
}
