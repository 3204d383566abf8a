import type { PickDetails } from '../../src/core/pick-details.ts';
import type { AttemptRecord, CallRecord } from '../../src/telemetry/call-record.ts';

/** `call` with everything that an explanation can show: routes before its own, a pick among `addresses`, a retry and a note. */
export function withExplanation(call: CallRecord, addresses: readonly string[]): CallRecord {
  const [first] = call.attempts;
  const [slow, other] = addresses;
  const half = (first.startedMs + first.endedMs) / 2;
  const failed: AttemptRecord = {
    ...first,
    endpoint: slow,
    pick: pickOf(addresses, slow),
    endedMs: half,
    verdict: 'retried on another endpoint after 25 ms, by retry.on unavailable',
  };
  const retried: AttemptRecord = {
    ...first,
    number: 2,
    kind: 'retry',
    endpoint: other,
    pick: pickOf(addresses, other),
    startedMs: half,
  };
  return {
    ...call,
    routes: {
      explain: () => ({
        steps: [
          { route: 'admin', matched: false, reasons: ['pathPrefix is /admin'] },
          { route: 'beta', matched: false, reasons: ['header x-beta is missing'] },
          { route: call.route, matched: true, reasons: ['grpc.service shop.v1.Orders'] },
        ],
        leftOut: 0,
      }),
      toJSON: () => undefined,
    },
    notes: [{ policy: 'fault', text: 'delayed the request by 5 ms' }],
    attempts: [failed, retried],
  };
}

function pickOf(addresses: readonly string[], picked: string): AttemptRecord['pick'] & object {
  const draws = [picked, addresses.at(-1) as string];
  const details: PickDetails = {
    candidates: addresses.map((address, i) => ({
      address,
      active: i + 1,
      weight: 1 + (i % 2),
      zone: `eu-west-1${'abc'[i % 3]}`,
      priority: 0,
      health: 'healthy',
      unusable: i % 4 === 3 ? 'ejected after 5 consecutive failures' : '',
    })),
    candidatesLeftOut: 0,
    hasActive: true,
    draws,
  };
  return { toString: () => `lower active/weight of two: ${draws.join(' and ')}`, details: () => details };
}
