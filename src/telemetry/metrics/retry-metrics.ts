import type { AttemptRecord, CallRecord } from '../call-record.ts';
import type { Registry, Value, ValueFamily } from './registry.ts';

/**
 * Attempts beyond the first by why they were made and what came of them, and those that a policy would have liked and did
 * not get. Names are configuration's and reasons are few, so labels are bounded. A call of one attempt costs two compares.
 */
export function createRetryMetrics(registry: Registry) {
  const retries = registry.counter({
    name: 'outrigger.retries',
    unit: '{attempt}',
    help: 'Attempts after the first one of a request, by reason and outcome.',
  });
  const withheld = registry.counter({
    name: 'outrigger.retries.withheld',
    unit: '{attempt}',
    help: 'Retries and hedged attempts that Outrigger did not make, by reason.',
  });
  const bound = new Map<string, Value>();
  const bind = (
    family: ValueFamily,
    method: string,
    record: CallRecord,
    more: string,
    outcome: string,
  ): Value => {
    const key = `${family.name} ${method} ${record.route} ${record.cluster} ${more} ${outcome}`;
    let value = bound.get(key);
    if (value === undefined) {
      value = family.bind({
        ...(method === '' ? {} : { 'rpc.method': method }),
        'outrigger.route': record.route,
        'outrigger.cluster': record.cluster,
        'outrigger.reason': more,
        ...(outcome === '' ? {} : { 'outrigger.outcome': outcome }),
      });
      bound.set(key, value);
    }
    return value;
  };
  return {
    /** `method` is the label of a gRPC call, '' for others. */
    settled(record: CallRecord, method: string): void {
      const { attempts } = record;
      for (let i = 0; i < attempts.length; i++) {
        const attempt = attempts[i];
        if (i > 0) bind(retries, method, record, attempt.kind, outcomeOf(attempt)).add(1);
        if (attempt.withheld !== '') bind(withheld, method, record, attempt.withheld, '').add(1);
      }
    },
  };
}

/** `other` for what is neither: an error of the client, or an attempt that was not needed. */
function outcomeOf({ tally }: AttemptRecord): string {
  if (tally === 'ok') return 'success';
  return tally === 'error' ? 'failure' : 'other';
}
