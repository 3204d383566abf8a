import { formatAddress } from '../core/address.ts';
import { Field, FieldKind } from '../core/field.ts';
import { formatGrpcTimeout } from '../core/grpc-timeout.ts';
import { HeaderBlock } from '../core/header-block.ts';
import type { AttemptRecord } from '../telemetry/call-record.ts';
import type { CallTrace } from '../telemetry/tracing.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { Attempt } from './attempt.ts';

const previousAttempts = 'grpc-previous-rpc-attempts';

/**
 * The head of one attempt. `leftMs` is what is left of a deadline that the endpoint gets, infinity for none; `previous` is
 * how many attempts there were before, where the endpoint gets that number.
 */
export function headOfAttempt(
  base: HeaderBlock,
  { traceparent, endpoint, record }: Attempt,
  trace: CallTrace,
  leftMs: number,
  previous: number,
): HeaderBlock {
  const named = base.authority === '' ? withAuthority(base, endpoint) : base;
  const head = outgoingHead(named, traceparent, trace, record, leftMs);
  return previous === 0 ? head : withPreviousAttempts(head, previous);
}

/**
 * A request without an authority (HTTP/1.0 without `host`) gets that of the endpoint: in HTTP/2 and in HTTP/1.1 it must not be
 * empty (RFC 9113 section 8.3.1, RFC 9110 section 4.2.1).
 */
export function withAuthority(head: HeaderBlock, { target }: Endpoint): HeaderBlock {
  const authority = target.kind === 'unix' ? 'localhost' : formatAddress(target);
  const fields = head.allFields.map((field) =>
    field.kind === FieldKind.Authority ? new Field(':authority', authority) : field,
  );
  return new HeaderBlock(fields);
}

/**
 * The head of one attempt: the fields that are the same for all, then those that are new each time. Without a
 * `traceparent` the trace context stays as it came; `leftMs` is infinity without a deadline that the upstream is to get.
 */
export function outgoingHead(
  base: HeaderBlock,
  traceparent: Field | null,
  trace: CallTrace,
  attempt: AttemptRecord,
  leftMs: number,
): HeaderBlock {
  const head = withAttemptHeaders(base, traceparent, trace.tracestate, leftMs);
  return trace.others === null ? head : new HeaderBlock(trace.others(attempt), head);
}

function withAttemptHeaders(
  base: HeaderBlock,
  traceparent: Field | null,
  tracestate: string,
  leftMs: number,
): HeaderBlock {
  const timeout = leftMs === Number.POSITIVE_INFINITY ? null : timeoutField(leftMs);
  if (traceparent === null) return timeout === null ? base : new HeaderBlock([timeout], base);
  // A literal: an array that is pushed to has room for sixteen more.
  const fields = timeout === null ? [traceparent] : [traceparent, timeout];
  if (tracestate !== '') fields.splice(1, 0, new Field('tracestate', tracestate));
  return new HeaderBlock(fields, base);
}

function timeoutField(leftMs: number): Field {
  return new Field('grpc-timeout', formatGrpcTimeout(leftMs), false, FieldKind.GrpcTimeout);
}

/** The head of a retry or a hedge, which says how many there were before (gRFC A6); a client may have tried as well. */
export function withPreviousAttempts(head: HeaderBlock, previous: number): HeaderBlock {
  const others = head.allFields.filter(({ name }) => name !== previousAttempts);
  const ofClient = Number(head.get(previousAttempts));
  const sum = previous + (Number.isInteger(ofClient) && ofClient > 0 ? ofClient : 0);
  return new HeaderBlock([...others, new Field(previousAttempts, String(sum))]);
}
