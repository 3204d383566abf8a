import { GrpcStatus } from '../core/grpc-status.ts';
import type { Outcome } from '../upstream/endpoint.ts';

/** Statuses that say a replica did not do its work; NOT_FOUND and the like are answers. */
const failures = new Set<number>([
  GrpcStatus.UNAVAILABLE,
  GrpcStatus.INTERNAL,
  GrpcStatus.DATA_LOSS,
  GrpcStatus.DEADLINE_EXCEEDED,
]);

export function outcomeOfGrpc(status: number): Outcome {
  return failures.has(status) ? 'failure' : 'success';
}

export function outcomeOfHttp(status: number): Outcome {
  return status >= 500 ? 'failure' : 'success';
}
