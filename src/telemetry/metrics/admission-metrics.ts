import type { CallRecord } from '../call-record.ts';
import type { Registry } from './registry.ts';

/** Calls that a route refused or troubled by its own settings. Asked of these and of failed calls only. */
export function createAdmissionMetrics(registry: Registry) {
  const limited = registry.counter({
    name: 'outrigger.rate_limited',
    unit: '{call}',
    help: 'Calls that the rate limit of their route refused.',
  });
  const faults = registry.counter({
    name: 'outrigger.faults',
    unit: '{fault}',
    help: 'Faults injected into the calls of a route.',
  });
  const labels = (record: CallRecord) => ({
    'outrigger.listener': record.listener,
    'outrigger.route': record.route,
  });
  return {
    settled(record: CallRecord): void {
      if (record.error === 'rate_limited') limited.bind(labels(record)).add(1);
      if (record.faultDelayMs > 0) faults.bind({ ...labels(record), 'outrigger.fault': 'delay' }).add(1);
      if (record.error === 'fault_injected')
        faults.bind({ ...labels(record), 'outrigger.fault': 'abort' }).add(1);
    },
  };
}
