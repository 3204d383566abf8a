import { grpcConditions } from '../core/retry-condition.ts';
import { shown } from '../schema/problem.ts';
import { duration, number } from '../schema/scalar-type.ts';
import { key, section } from '../schema/shape.ts';
import type { CheckContext } from './policy.ts';

/** What `retry` and `hedge` share: keys, and checks of whether a second attempt makes sense. */

export const budget = section(
  { doc: 'Retry budget: how much load the additional attempts of the route can add to the endpoints.' },
  {
    percent: key(number({ min: 0, max: 100, whole: false }), {
      default: 20,
      doc: 'Maximum number of additional attempts in flight, including those in backoff, as a percentage of the requests in flight on this route.',
    }),
    min: key(number({ min: 0, max: 10_000 }), {
      default: 3,
      doc: 'Number of additional attempts that are always allowed, even with few requests in flight.',
    }),
  },
);

export const headHold = key(duration({ min: '0s', max: '10s' }), {
  default: '50ms',
  doc: 'How long Outrigger holds back the headers of a gRPC reply, so that it can still retry if a failed status without a message follows. Outrigger forwards the headers as soon as a message follows, and immediately while the client is still sending its request. Once it has forwarded the headers, it cannot retry the call.',
});

/** Methods of well-known services whose replies are streams that live for long. */
const streams: ReadonlySet<string> = new Set([
  'grpc.health.v1.Health/Watch',
  'grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  'grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
  'etcdserverpb.Watch/Watch',
  'etcdserverpb.Lease/LeaseKeepAlive',
]);

interface MatchOfRoute {
  readonly path?: string;
  readonly grpc?: { readonly service?: string; readonly method?: string };
}

/** Warns where what is known of a route's calls says that further attempts come to nothing, or to little. */
export function checkRepeatable(
  conditionsKey: 'on' | 'nonFatal',
  conditions: readonly unknown[] | undefined,
  { route, cluster, warning }: CheckContext,
): void {
  const match = route.match as MatchOfRoute | undefined;
  const method = match?.path?.slice(1) ?? `${match?.grpc?.service}/${match?.grpc?.method}`;
  if (streams.has(method))
    warning(
      '',
      `is for calls until their first message, and ${method} is a stream: a stream that fails later is not retried`,
    );
  const onlyGrpc = conditions?.every((condition) => grpcConditions.includes(String(condition)));
  if (onlyGrpc && cluster?.protocol === 'http1')
    warning(
      `.${conditionsKey}`,
      `never holds: cluster ${shown(cluster.name)} is http1 and says no gRPC status; write 5xx, gateway-error, connect-failure or reset`,
    );
}

/** Whether a part of a call takes no less than the whole may take. */
export function outlasts(partMs: number, wholeMs: unknown): wholeMs is number {
  return typeof wholeMs === 'number' && partMs >= wholeMs;
}
