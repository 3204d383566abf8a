import { grpcConditions } from '../../core/retry-condition.ts';
import { formatDuration } from '../../core/units.ts';
import { shown } from '../../schema/problem.ts';
import type { Complaints, DraftCluster, DraftRoute, Rule } from './rule.ts';

/** Every route with what it may be told of: its path in the file, and its cluster where that is known. */
function eachRoute(
  config: Parameters<Rule>[0],
  visit: (route: DraftRoute, path: string, cluster: DraftCluster | undefined) => void,
): void {
  config.listeners?.forEach((listener, i) => {
    listener.routes?.forEach((route, j) => {
      const cluster = config.clusters?.find(({ name }) => name !== undefined && name === route.cluster);
      visit(route, `listeners[${i}].routes[${j}]`, cluster);
    });
  });
}

/** A call is either tried again or tried twice at once; in both, what is written can come about. */
const triesMakeSense: Rule = (config, complaints) => {
  eachRoute(config, (route, path, cluster) => {
    const { retry, hedge } = route;
    if (retry !== undefined && hedge !== undefined)
      complaints.problem(
        `${path}.hedge`,
        'a route has hedge or retry, not both (gRFC A6); write one of them',
      );
    if (retry !== undefined) retryMakesSense(route, path, complaints);
    if (retry !== undefined || hedge !== undefined) callsMayRepeat(route, path, cluster, complaints);
    if (hedge?.delayMs !== undefined && outlasts(hedge.delayMs, route.timeoutMs))
      complaints.problem(
        `${path}.hedge.delay`,
        `"${formatDuration(hedge.delayMs)}" is no shorter than timeout, so that no second attempt would begin; write less than ${formatDuration(route.timeoutMs!)}`,
      );
    const one = cluster?.discovery === undefined && cluster?.endpoints?.length === 1;
    if (hedge !== undefined && one)
      complaints.warning(
        `${path}.hedge`,
        `does nothing for calls that are slow: cluster ${shown(route.cluster)} has one endpoint, and another attempt requires another endpoint`,
      );
  });
};

/** Methods of well-known services whose replies are streams that live for long. */
const streams: ReadonlySet<string> = new Set([
  'grpc.health.v1.Health/Watch',
  'grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  'grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
  'etcdserverpb.Watch/Watch',
  'etcdserverpb.Lease/LeaseKeepAlive',
]);

/** What is known of a route's calls says that its policy comes to nothing, or to little. */
function callsMayRepeat(
  { match, retry, hedge, cluster: name }: DraftRoute,
  path: string,
  cluster: DraftCluster | undefined,
  complaints: Complaints,
): void {
  const policy = retry === undefined ? 'hedge' : 'retry';
  const method = match?.path?.slice(1) ?? `${match?.grpc?.service}/${match?.grpc?.method}`;
  if (streams.has(method))
    complaints.warning(
      `${path}.${policy}`,
      `is for calls until their first message, and ${method} is a stream: a stream that fails later is not retried`,
    );
  const [key, on] = retry === undefined ? ['nonFatal', hedge?.nonFatal] : ['on', retry.on];
  const onlyGrpc = on?.every((condition) => grpcConditions.includes(String(condition)));
  if (onlyGrpc && cluster?.protocol === 'http1')
    complaints.warning(
      `${path}.${policy}.${key}`,
      `never holds: cluster ${shown(name)} is http1 and says no gRPC status; write 5xx, gateway-error, connect-failure or reset`,
    );
}

function retryMakesSense({ retry, timeoutMs }: DraftRoute, path: string, complaints: Complaints): void {
  const { perTryTimeoutMs, backoff } = retry!;
  if (perTryTimeoutMs !== undefined && outlasts(perTryTimeoutMs, timeoutMs))
    complaints.problem(
      `${path}.retry.perTryTimeout`,
      `"${formatDuration(perTryTimeoutMs)}" is no shorter than timeout, so that no second attempt would begin; write less than ${formatDuration(timeoutMs!)}`,
    );
  if (backoff?.baseMs !== undefined && backoff.maxMs !== undefined && backoff.baseMs > backoff.maxMs)
    complaints.problem(
      `${path}.retry.backoff.base`,
      `"${formatDuration(backoff.baseMs)}" is longer than max; write ${formatDuration(backoff.maxMs)} or less`,
    );
}

function outlasts(partMs: number, wholeMs: number | undefined): boolean {
  return wholeMs !== undefined && partMs >= wholeMs;
}

/** A limit by header has a header, and trouble is of some kind. */
const admissionMakesSense: Rule = (config, complaints) => {
  eachRoute(config, ({ rateLimit, fault }, path) => {
    if (rateLimit?.by === 'header' && rateLimit.header === undefined)
      complaints.problem(
        `${path}.rateLimit.header`,
        'is missing; write the header that by: header is to go by',
      );
    else if (rateLimit?.by !== undefined && rateLimit.by !== 'header' && rateLimit.header !== undefined)
      complaints.problem(
        `${path}.rateLimit.header`,
        `${shown(rateLimit.header)} is for by: header, and this is by: ${rateLimit.by}; write by: header`,
      );
    if (fault !== undefined && fault.delay === undefined && fault.abort === undefined)
      complaints.problem(
        `${path}.fault`,
        'injects no fault; write delay: {…} or abort: {…}, or leave it out',
      );
  });
};

export const resilienceRules = { triesMakeSense, admissionMakesSense } satisfies Record<string, Rule>;
