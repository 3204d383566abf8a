import { FieldKind } from '../core/field.ts';
import { GrpcStatus, grpcStatusOfHttp, parseGrpcStatus } from '../core/grpc-status.ts';
import type { HeaderBlock } from '../core/header-block.ts';
import type { Outcome } from '../upstream/endpoint.ts';

/** Statuses that say a replica did not do its work; NOT_FOUND and the like are answers. */
const failures =
  (1 << GrpcStatus.UNAVAILABLE) |
  (1 << GrpcStatus.INTERNAL) |
  (1 << GrpcStatus.DATA_LOSS) |
  (1 << GrpcStatus.DEADLINE_EXCEEDED);

export function outcomeOfGrpc(status: number): Outcome {
  return ((failures >> status) & 1) === 1 ? 'failure' : 'success';
}

export function outcomeOfHttp(status: number): Outcome {
  return status >= 500 ? 'failure' : 'success';
}

/** The status of a gRPC reply; `last` is the block that ends it, null where there was none. */
export function grpcStatusOfReply(httpStatus: number, last: HeaderBlock | null): number {
  const status = last?.ofKind(FieldKind.GrpcStatus);
  if (status !== undefined) return parseGrpcStatus(status);
  return httpStatus === 200 ? GrpcStatus.UNKNOWN : grpcStatusOfHttp(httpStatus);
}
