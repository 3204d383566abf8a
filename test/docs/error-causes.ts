import type { ReplyErrorCode } from '../../src/core/reply-error.ts';

/** What a reader of an error needs: why it happens, and what to do. Markdown, with links relative to docs/. */
export interface ErrorHelp {
  readonly causes: readonly string[];
  readonly fixes: readonly string[];
}

/** One entry for each code of `replyErrors`. */
export const errorHelp: Readonly<Record<ReplyErrorCode, ErrorHelp>> = {
  no_route: {
    causes: [
      'No route of the listener matches the authority, the path, the method or the headers of the request.',
      'The route that matches has no `cluster`, and none of its policies chose one.',
    ],
    fixes: [
      'Compare the request in the message with the routes: `curl 127.0.0.1:15000/routes` lists them in the order in which Outrigger checks them.',
      'Add a last route without `match`, if all other requests have a cluster to go to. See [Choose which requests a route takes](matching.md).',
    ],
  },
  no_endpoint: {
    causes: [
      'Discovery found no endpoint: the DNS name has no address, or the endpoints file has an empty list.',
      'Discovery has not answered since the start. The message quotes its last error.',
    ],
    fixes: [
      'Run `outrigger endpoints`: the line of the cluster shows the state of its discovery.',
      'For DNS, resolve the name on the machine or in the pod of the sidecar. See [How Outrigger resolves a name](replicas.md#how-outrigger-resolves-a-name).',
      'In Kubernetes, check that the Service is headless and that its selector matches ready pods. See [Run in Kubernetes](tasks/kubernetes.md).',
    ],
  },
  no_healthy_endpoint: {
    causes: [
      'The cluster has endpoints, and none of them is usable: each is unhealthy, ejected, drained by hand or unreachable. The message names the reason for each.',
    ],
    fixes: [
      'Run `outrigger endpoints` and read the column `WHY`.',
      'If the endpoints work and only their health checks fail, change the probe: [Check the health of endpoints](replicas.md#check-the-health-of-endpoints).',
      'If outlier detection ejected them, find the failed calls in `/traces` first. `maxEjectedPercent` limits how many endpoints it may eject.',
      'To send calls to unhealthy endpoints rather than to fail them, set [`balancer.panicPercent`](balancing.md#protect-new-failing-and-slow-endpoints).',
    ],
  },
  connect_failed: {
    causes: [
      'The endpoint refused the connection, or its address is unreachable.',
      'The TLS handshake failed: unknown CA, wrong name, expired certificate, or the endpoint requires a client certificate.',
      'The endpoint speaks another protocol than the cluster has configured, for example HTTP/1.1 behind `protocol: http2`.',
    ],
    fixes: [
      'Check that the server listens on this address and port.',
      'Set `protocol: http1` for a server that does not speak HTTP/2, and `tls` for a server that requires TLS.',
      'For TLS errors, see [Use TLS to endpoints](replicas.md#use-tls-to-endpoints) for the name that Outrigger verifies.',
    ],
  },
  connect_timeout: {
    causes: [
      'The endpoint did not accept the connection, or did not finish the TLS or HTTP/2 handshake, within `connectTimeout` of the cluster.',
      'A firewall or a network policy drops the packets.',
    ],
    fixes: [
      'Connect from the machine or the pod of the sidecar to the address in the message.',
      'Check whether the server is overloaded: a full accept queue has the same effect as a lost packet.',
    ],
  },
  upstream_reset: {
    causes: [
      'The endpoint reset the stream of the call (RST_STREAM). The message names the HTTP/2 error code.',
      'The endpoint sent a reply that breaks HTTP/2, HTTP/1.1 or gRPC.',
    ],
    fixes: [
      'Read the log of the replica at the time of the call. Servers reset streams for headers or messages that are too large, and on a panic in a handler.',
      'REFUSED_STREAM means that the endpoint did no work. Outrigger retries such a call once on another endpoint; if it still fails, the endpoints are at their limits.',
      'The gRPC status depends on the HTTP/2 error code, as in the gRPC protocol: CANCEL is CANCELLED, ENHANCE_YOUR_CALM is RESOURCE_EXHAUSTED.',
    ],
  },
  upstream_closed: {
    causes: [
      'The connection ended while the call was in flight: the replica crashed, was killed, or closed the connection without GOAWAY.',
      'A load balancer or a firewall between Outrigger and the replica closed the connection.',
    ],
    fixes: [
      'Check whether the replica restarted at this time (out of memory, a deployment without a graceful stop).',
      'Let servers stop gracefully: send GOAWAY, finish the calls, then exit.',
      'If the call may run twice, let Outrigger retry it: [Retry failed calls](tasks/retries.md).',
      'If idle connections are closed in between, set `connections.idleTimeout` below the timeout of the device that closes them.',
    ],
  },
  deadline_exceeded: {
    causes: [
      'The deadline of the client (`grpc-timeout`) or the `timeout` of the route passed before the reply was complete.',
      'The deadline had already passed when the call arrived.',
    ],
    fixes: [
      'Open `/explain/ID` of the call: it shows how long each attempt took, and whether the call waited for a connection.',
      'If one endpoint is slow, see [Find out why a replica is slow](tasks/slow-replica.md).',
      'Raise the `timeout` of the route, or the deadline in the client.',
    ],
  },
  overloaded: {
    causes: [
      'Every usable endpoint, or the cluster, is at one of its `limits`.',
      '`adaptiveConcurrency` refused the call because the latency of the cluster has grown.',
      'The sidecar is short of memory for buffers (`limits.bufferedBytes`), or the buffer for requests that wait for a connection is full.',
    ],
    fixes: [
      'The message names the limit. Raise it if the endpoints can serve more: [`clusters[].limits`](configuration.md#clusterslimits).',
      'Add replicas, if they cannot.',
      'Outrigger did not send the call, so clients may retry it after a pause.',
    ],
  },
  rate_limited: {
    causes: ['The client sent more requests than `rateLimit` of the route allows.'],
    fixes: [
      'In the client, wait for `grpc-retry-pushback-ms` or `retry-after` before the next attempt.',
      'Raise `requests` or `burst`: [Limit the rate of calls](tasks/rate-limits.md).',
    ],
  },
  denied: {
    causes: [
      'A policy of the route refused the request, for example a [policy of your own](policies/modules.md).',
    ],
    fixes: ['The message names the reason of the policy. `/explain/ID` shows the route and its policies.'],
  },
  draining: {
    causes: ['The sidecar is stopping, and the call was still in flight at the end of `drain.grace`.'],
    fixes: [
      'Raise `drain.grace` above the duration of the longest calls, and `terminationGracePeriodSeconds` of the pod above `drain.delay` plus `drain.grace`.',
      'Let long streams end when the client gets GOAWAY. See [Drain and undrain](admin.md#drain-and-undrain).',
    ],
  },
  protocol_error: {
    causes: [
      'The client sent something that its protocol does not allow: a malformed request target, `grpc-timeout` or header.',
      'The request cannot be sent in the protocol of the cluster.',
    ],
    fixes: [
      'The message quotes what Outrigger refused. See [Request targets](request-targets.md) for the targets that it accepts.',
      'If another proxy is between the client and Outrigger, check what that proxy changes.',
    ],
  },
  header_too_large: {
    causes: [
      'The headers or the metadata exceed `listeners[].limits.headerListBytes` or `headerCount`.',
      'The headers exceed what the endpoint accepts (SETTINGS_MAX_HEADER_LIST_SIZE).',
      'A policy made the path longer than the limit; the HTTP status is then 414.',
    ],
    fixes: [
      'The message has the size and the limit, and names the endpoint if the limit is its own.',
      'Send less metadata: cookies and tokens that grow are the usual reason. Raise the limit only if the endpoints accept as much.',
    ],
  },
  body_too_large: {
    causes: ['The body of the request exceeds [`bodyLimit`](policies/body-limit.md) of the route.'],
    fixes: ['Raise the limit of this route, or send the data in parts.'],
  },
  policy_failed: {
    causes: [
      'The module of a policy threw an exception, or answered with something that a policy may not return.',
    ],
    fixes: ['The log has the exception with its stack. See [Run a policy of your own](policies/modules.md).'],
  },
  fault_injected: {
    causes: ['The route has a `fault` that aborts some of its requests.'],
    fixes: [
      'Remove `fault`, or lower `abort.percent`: [Inject faults to test clients](resilience.md#inject-faults-to-test-clients).',
    ],
  },
};
