import { expect } from 'chai';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { GrpcStatus } from '../../../src/core/grpc-status.ts';
import type { StreamFailure } from '../../../src/core/message-stream.ts';
import { replyErrors } from '../../../src/core/reply-error.ts';
import { deadlineError, failureError, noEndpointError } from '../../../src/proxy/call-errors.ts';
import { attemptRecord, callRecord } from '../telemetry/records.ts';
import { callRig } from './call-rig.ts';

describe('what is said of a failed attempt', () => {
  const [endpoint] = callRig().endpoints;
  const statusOf = (kind: StreamFailure['kind'], code: number): number => {
    const error = failureError(endpoint, { kind, code, message: 'it failed' }, true);
    return error.grpcStatus ?? replyErrors[error.code].grpcStatus;
  };

  // protocol.md, "gRPC status".
  const { INTERNAL, UNAVAILABLE, CANCELLED, RESOURCE_EXHAUSTED, PERMISSION_DENIED } = GrpcStatus;
  for (const [code, expected] of [
    [ErrorCode.NO_ERROR, INTERNAL],
    [ErrorCode.REFUSED_STREAM, UNAVAILABLE],
    [ErrorCode.CANCEL, CANCELLED],
    [ErrorCode.ENHANCE_YOUR_CALM, RESOURCE_EXHAUSTED],
    [ErrorCode.INADEQUATE_SECURITY, PERMISSION_DENIED],
    [0xdead_beef, INTERNAL],
  ] as const) {
    it(`a reset with 0x${code.toString(16)} is status ${expected}`, () => {
      expect(statusOf('reset', code)).to.equal(expected);
    });
  }

  it('a refusal is UNAVAILABLE whatever code the GOAWAY had', () => {
    for (const code of Object.values(ErrorCode)) expect(statusOf('refused', code)).to.equal(UNAVAILABLE);
  });

  it('a lost connection is UNAVAILABLE, a broken protocol INTERNAL', () => {
    expect(statusOf('closed', ErrorCode.NO_ERROR)).to.equal(UNAVAILABLE);
    expect(statusOf('unsent', ErrorCode.NO_ERROR)).to.equal(UNAVAILABLE);
    expect(statusOf('protocol', ErrorCode.ENHANCE_YOUR_CALM)).to.equal(INTERNAL);
  });

  it('says whether the upstream may have processed the call', () => {
    const mayHave = (kind: StreamFailure['kind']): boolean =>
      failureError(endpoint, { kind, code: 0, message: '' }, true).mayHaveProcessed;
    expect(
      ['unsent', 'refused', 'reset', 'closed', 'protocol'].map((kind) => mayHave(kind as 'reset')),
    ).to.deep.equal([false, false, true, true, true]);
  });

  it('a call that is not gRPC has no gRPC status', () => {
    expect(failureError(endpoint, { kind: 'reset', code: 8, message: '' }, false).grpcStatus).to.equal(
      undefined,
    );
  });
});

describe('noEndpointError', () => {
  it('names up to five endpoints with the reason of each, and counts the others', () => {
    const rig = callRig({ endpoints: 7 });
    for (const endpoint of rig.endpoints) rig.cluster.drainEndpoint(endpoint.address, true);
    const { code, detail } = noEndpointError(rig.cluster);
    expect(code).to.equal('no_healthy_endpoint');
    expect(detail).to.match(/^cluster greeter has no usable endpoint: 10\.0\.0\.1:1000 drained by hand; /);
    expect(detail).to.match(/10\.0\.0\.1:1004 drained by hand; and 2 more$/);
  });
});

describe('deadlineError', () => {
  it('says how far the call had come', () => {
    const record = callRecord({ startedMs: 1000, attempts: [attemptRecord()] });
    expect(deadlineError(record, 1250.4, true)).to.include({
      detail: 'the deadline passed after 250 ms, while 127.0.0.1:50051 was working on it',
      mayHaveProcessed: true,
    });
    expect(deadlineError(record, 1250, false)).to.include({
      detail: 'the deadline passed after 250 ms, before a connection was there',
      mayHaveProcessed: false,
    });
  });
});
