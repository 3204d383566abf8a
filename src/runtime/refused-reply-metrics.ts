import type { ViolationCounts } from '../http1/violation-counts.ts';
import type { Registry } from '../telemetry/metrics/registry.ts';

/** `outrigger_http1_refused_replies_total`. Reasons are of a fixed list, clusters of the configuration. */
export function registerRefusedReplies(registry: Registry, violations: ViolationCounts): void {
  registry.observe(
    'counter',
    {
      name: 'outrigger.http1.refused_replies',
      help: 'HTTP/1.1 replies, and bytes behind them, that Outrigger refused because the endpoint violated the protocol, by reason.',
      unit: '{reply}',
    },
    (emit) => {
      violations.each((cluster, reason, count) => {
        emit({ 'outrigger.cluster': cluster, 'outrigger.reason': reason }, count);
      });
    },
  );
}
