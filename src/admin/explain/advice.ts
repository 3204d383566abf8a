import { GrpcStatus, grpcStatusName } from '../../core/grpc-status.ts';
import type { ReplyErrorCode } from '../../core/reply-error.ts';
import type { CallRecord } from '../../telemetry/call-record.ts';
import { callTally, chosenAttempt } from '../../telemetry/call-status.ts';

type Advice = (call: CallRecord, endpoint: string) => string[];

const clusterState: Advice = ({ cluster }) => [
  `outrigger endpoints shows why each endpoint of cluster ${cluster} is unusable.`,
];

/** What to change, by the error that Outrigger answered with. */
const byError: Readonly<Record<ReplyErrorCode, Advice>> = {
  no_route: ({ listener, httpMethod, authority, path }) => [
    `Add a route for ${httpMethod} ${authority}${path} to listener ${listener}, or change the match of one of its routes.`,
    'outrigger explain --request tests a change before a reload: with --config it reads a file.',
  ],
  no_endpoint: ({ cluster }) => [
    `Add endpoints to cluster ${cluster}, or check its discovery: outrigger endpoints shows where they come from.`,
  ],
  no_healthy_endpoint: (call) => [
    ...clusterState(call, ''),
    'If calls are to go to unhealthy endpoints rather than fail, set balancer.panicPercent of the cluster.',
  ],
  connect_failed: ({ cluster }, endpoint) => [
    `Check that a server listens on ${endpoint}, and that protocol and tls of cluster ${cluster} are those of the server.`,
  ],
  connect_timeout: ({ cluster }, endpoint) => [
    `Check the network to ${endpoint}: address, routing and firewalls.`,
    `If the network is slow, set a longer connectTimeout for cluster ${cluster}.`,
  ],
  upstream_reset: (_call, endpoint) => [`Check the log of ${endpoint} at the time of the call.`],
  upstream_closed: (_call, endpoint) => [
    `Check whether ${endpoint} crashed or restarted at the time of the call.`,
  ],
  deadline_exceeded: ({ route }, endpoint) => [
    endpoint === ''
      ? `No endpoint was picked within the deadline: check the policies of route ${route}; one of them delays the request.`
      : `Check why ${endpoint} was slow: /traces lists its other slow calls.`,
    `If the endpoint needs this time, set a longer timeout for route ${route}, or a longer deadline in the client.`,
  ],
  overloaded: ({ cluster }) => [
    `Compare the calls in flight with limits.maxRequests of cluster ${cluster}, its adaptiveConcurrency, and limits.memory of the process.`,
    `If the endpoints can take more, raise the limit; else add endpoints.`,
  ],
  rate_limited: ({ route }) => [`Raise rateLimit of route ${route}, or send fewer requests.`],
  denied: ({ route }) => [`Check the policies of route ${route}: one of them refuses this request.`],
  draining: () => ['Retry: the sidecar was stopping, and another one takes the call.'],
  protocol_error: () => ['Correct what the client sends; the sentence above names it.'],
  header_too_large: () => ['Send smaller headers, or raise limits.headerListBytes of the listener.'],
  body_too_large: ({ route }) => [`Send a smaller body, or raise bodyLimit of route ${route}.`],
  policy_failed: () => ['Check the log of Outrigger for the exception of the policy module.'],
  fault_injected: ({ route }) => [`The fault is configured: remove fault from route ${route} to end it.`],
};

/** What to change, by the status that the endpoint answered a gRPC call with. */
const byStatus: Readonly<Record<number, Advice>> = {
  [GrpcStatus.UNAVAILABLE]: (call, endpoint) => [
    `Check the log of ${endpoint} at the time of the call.`,
    ...retryAdvice(call, 'unavailable'),
  ],
  [GrpcStatus.RESOURCE_EXHAUSTED]: (call, endpoint) => [
    `Check the limits of ${endpoint}: it refuses calls.`,
    ...retryAdvice(call, 'resource-exhausted'),
  ],
  [GrpcStatus.UNIMPLEMENTED]: ({ route, cluster }, endpoint) => [
    `Check that route ${route} leads to the right service: ${endpoint} of cluster ${cluster} does not have this method.`,
  ],
  [GrpcStatus.DEADLINE_EXCEEDED]: (_call, endpoint) => [
    `Check why ${endpoint} was slow, or set a longer deadline in the client.`,
  ],
};

/** Returns what the reader may change so that such a call goes well; empty where it did go well. */
export function adviceFor(call: CallRecord): string[] {
  const endpoint = (chosenAttempt(call) ?? call.attempts.at(-1))?.endpoint ?? '';
  if (call.error in byError) {
    const error = call.error as ReplyErrorCode;
    const retryable = error === 'upstream_reset' || error === 'upstream_closed';
    return [...byError[error](call, endpoint), ...(retryable ? retryAdvice(call, 'reset') : [])];
  }
  if (call.tcp || call.udp || call.endedMs === 0 || callTally(call) === 'ok') return [];
  if (call.endedBy === 'client')
    return ['The client cancelled: compare its deadline or timeout with the times below.'];
  if (endpoint === '') return [`A policy of route ${call.route} answered; the notes above name it.`];
  if (!call.grpc && call.httpStatus >= 502 && call.httpStatus <= 504)
    return [`Check the log of ${endpoint} at the time of the call.`, ...retryAdvice(call, 'gateway-error')];
  return (
    byStatus[call.grpc ? call.grpcStatus : -1]?.(call, endpoint) ?? [
      `Check the log of ${endpoint}: the application itself answered ${call.grpc ? grpcStatusName(call.grpcStatus) : `HTTP ${call.httpStatus}`}.`,
    ]
  );
}

/** Nothing where the route retries already. */
function retryAdvice({ attempts, route, error }: CallRecord, condition: string): string[] {
  const hasPolicy = attempts.some(
    ({ kind, withheld }) => kind === 'retry' || kind === 'hedge' || withheld !== '',
  );
  if (hasPolicy) return [];
  const caution = error === '' ? '' : ', if the method may run twice';
  return [`Add retry: { on: [${condition}] } to route ${route}${caution}.`];
}
