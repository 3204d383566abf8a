import { ErrorCode } from './error-code.ts';

/** gRPC status codes (gRPC "Status codes and their use"). Index is the number on the wire. */
export const grpcStatusNames = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;
export type GrpcStatusName = (typeof grpcStatusNames)[number];

/** Numbers by name: `GrpcStatus.UNAVAILABLE` is 14. */
export const GrpcStatus = Object.fromEntries(grpcStatusNames.map((name, code) => [name, code])) as Record<
  GrpcStatusName,
  number
>;

/** The name of a code; a number outside the table is itself the name, as gRPC libraries print it. */
export function grpcStatusName(code: number): string {
  return grpcStatusNames[code] ?? String(code);
}

/** Parses `grpc-status`; what is no number from 0 to 16 is UNKNOWN, as grpc libraries read it. */
export function parseGrpcStatus(text: string): number {
  // By hand: every call has one, and a regular expression takes longer than all else that is done with it.
  const { length } = text;
  if (length === 0 || length > 2) return GrpcStatus.UNKNOWN;
  let code = 0;
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return GrpcStatus.UNKNOWN;
    code = code * 10 + digit;
  }
  return code < grpcStatusNames.length ? code : GrpcStatus.UNKNOWN;
}

/** Status of a call that RST_STREAM ended (gRPC over HTTP/2, "Errors"). */
export function grpcStatusOfReset(code: ErrorCode): number {
  switch (code) {
    case ErrorCode.REFUSED_STREAM:
      return GrpcStatus.UNAVAILABLE;
    case ErrorCode.CANCEL:
      return GrpcStatus.CANCELLED;
    case ErrorCode.ENHANCE_YOUR_CALM:
      return GrpcStatus.RESOURCE_EXHAUSTED;
    case ErrorCode.INADEQUATE_SECURITY:
      return GrpcStatus.PERMISSION_DENIED;
    default:
      return GrpcStatus.INTERNAL;
  }
}

/** Status of a reply that has no grpc-status (gRPC "HTTP to gRPC status code mapping"; 431 as 400). */
export function grpcStatusOfHttp(status: number): number {
  switch (status) {
    case 400:
    case 431:
      return GrpcStatus.INTERNAL;
    case 401:
      return GrpcStatus.UNAUTHENTICATED;
    case 403:
      return GrpcStatus.PERMISSION_DENIED;
    case 404:
      return GrpcStatus.UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return GrpcStatus.UNAVAILABLE;
    default:
      return GrpcStatus.UNKNOWN;
  }
}
