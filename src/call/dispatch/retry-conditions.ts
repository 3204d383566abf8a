import type { ReplyErrorCode } from '../../core/reply-error.ts';
import { grpcStatusOfCondition, type RetryCondition } from '../../core/retry-condition.ts';

/** Which endings of an attempt are worth another one: `retry.on` and `hedge.nonFatal`, compiled. */
export interface RetryConditions {
  grpc(status: number): boolean;
  http(status: number): boolean;
  /** An attempt that ended without a reply, as the error that the client would get for it. */
  error(code: ReplyErrorCode): boolean;
}

export function compileRetryConditions(on: readonly RetryCondition[]): RetryConditions {
  const grpc = new Set<number>();
  const http = new Set<number>();
  const words = new Set<RetryCondition>(on);
  for (const condition of on) {
    if (typeof condition === 'number') http.add(condition);
    else if (grpcStatusOfCondition(condition) > 0) grpc.add(grpcStatusOfCondition(condition));
  }
  if (words.has('gateway-error')) for (const status of [502, 503, 504]) http.add(status);
  const all5xx = words.has('5xx');
  return {
    grpc: (status) => grpc.has(status),
    http: (status) => http.has(status) || (all5xx && status >= 500 && status <= 599),
    error: (code) =>
      (words.has('connect-failure') && (code === 'connect_failed' || code === 'connect_timeout')) ||
      (words.has('reset') && (code === 'upstream_reset' || code === 'upstream_closed')),
  };
}
