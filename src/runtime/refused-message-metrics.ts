import type { ViolationCounts } from '../http1/violation-counts.ts';
import type { TlsFailureCounts } from '../listeners/tls-failures.ts';
import type { Registry } from '../telemetry/metrics/registry.ts';

/** `outrigger_http1_refused_requests_total`, by listener. */
export function registerRefusedRequests(registry: Registry, requests: ViolationCounts): void {
  const help =
    'HTTP/1.1 requests that Outrigger refused because the client violated the protocol, by reason.';
  register(registry, requests, 'requests', '{request}', 'outrigger.listener', help);
}

/** `outrigger_http1_refused_replies_total`, by cluster. */
export function registerRefusedReplies(registry: Registry, replies: ViolationCounts): void {
  const help =
    'HTTP/1.1 replies, and bytes behind them, that Outrigger refused because the endpoint violated the protocol, by reason.';
  register(registry, replies, 'replies', '{reply}', 'outrigger.cluster', help);
}

/** `outrigger_tls_handshake_failures_total`, by listener. */
export function registerTlsFailures(registry: Registry, failures: TlsFailureCounts): void {
  registry.observe(
    'counter',
    {
      name: 'outrigger.tls.handshake_failures',
      help: 'TLS handshakes with clients that failed, by reason; the log shows each client.',
      unit: '{handshake}',
    },
    (emit) => {
      failures.each((listener, reason, count) =>
        emit({ 'outrigger.listener': listener, 'outrigger.reason': reason }, count),
      );
    },
  );
}

/** Reasons are of a fixed list; listeners and clusters are of the configuration. */
function register(
  registry: Registry,
  counts: ViolationCounts,
  what: string,
  unit: string,
  label: string,
  help: string,
): void {
  registry.observe('counter', { name: `outrigger.http1.refused_${what}`, help, unit }, (emit) => {
    counts.each((where, reason, count) => emit({ [label]: where, 'outrigger.reason': reason }, count));
  });
}
