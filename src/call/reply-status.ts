import { FieldKind } from '../core/field.ts';
import { grpcStatusOfHttp, parseGrpcStatus } from '../core/grpc-status.ts';
import type { HeaderBlock } from '../core/header-block.ts';

/** Whether the block that ends a gRPC reply says its status. */
export function hasGrpcStatus(last: HeaderBlock | null): boolean {
  return last?.ofKind(FieldKind.GrpcStatus) !== undefined;
}

/** The status of a gRPC reply; `last` is the block that ends it, null where there was none. */
export function grpcStatusOfReply(httpStatus: number, last: HeaderBlock | null): number {
  const status = last?.ofKind(FieldKind.GrpcStatus);
  if (status !== undefined) return parseGrpcStatus(status);
  return grpcStatusOfHttp(httpStatus);
}
