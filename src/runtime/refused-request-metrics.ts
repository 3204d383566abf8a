import type { ViolationCounts } from '../http1/violation-counts.ts';
import type { Registry } from '../telemetry/metrics/registry.ts';

/** `outrigger_http1_refused_requests_total`. Reasons are a fixed list, and listeners are of the configuration. */
export function registerRefusedRequests(registry: Registry, requests: ViolationCounts): void {
  registry.observe(
    'counter',
    {
      name: 'outrigger.http1.refused_requests',
      help: 'HTTP/1.1 requests that Outrigger refused because the client violated the protocol, by reason.',
      unit: '{request}',
    },
    (emit) => {
      requests.each((listener, reason, count) => {
        emit({ 'outrigger.listener': listener, 'outrigger.reason': reason }, count);
      });
    },
  );
}
