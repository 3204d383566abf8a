import { expect } from 'chai';
import { deadlineError, failureError, noEndpointError } from '../../../src/call/call-errors.ts';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { decodeGrpcMessage } from '../../../src/core/grpc-message.ts';
import { GrpcStatus } from '../../../src/core/grpc-status.ts';
import type { StreamFailure } from '../../../src/core/message-stream.ts';
import { replyErrors } from '../../../src/core/reply-error.ts';
import { attemptRecord, callRecord } from '../telemetry/records.ts';
import { callRig, expectOver, grpcHead, httpHead, send } from './call-rig.ts';

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

  it('of an HTTP/1.1 endpoint: a connection that it does not take is named as such, one that was lost is not', () => {
    const message = 'connect ECONNREFUSED 10.0.0.1:1000';
    const of = (kind: StreamFailure['kind'], code: number) =>
      failureError(endpoint, { kind, code, message }, false);
    expect(of('unsent', ErrorCode.CONNECT_ERROR)).to.deep.equal({
      code: 'connect_failed',
      detail: message,
      mayHaveProcessed: false,
    });
    expect(of('unsent', ErrorCode.NO_ERROR).code).to.equal('upstream_closed');
    expect(of('closed', ErrorCode.CONNECT_ERROR).code).to.equal('upstream_closed');
    expect(of('reset', ErrorCode.CONNECT_ERROR).code).to.equal('upstream_reset');
    expect(of('unsendable', ErrorCode.PROTOCOL_ERROR)).to.deep.equal({
      code: 'protocol_error',
      detail: message,
      mayHaveProcessed: false,
    });
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

describe('an error before anything was sent', () => {
  const didNot = /; the upstream did not process the call; /;

  it('says so, with what was wrong with the request', () => {
    const rig = callRig();
    const refused = [
      grpcHead(['grpc-timeout', '1x']),
      grpcHead(['grpc-timeout', '1'.repeat(40)]),
      grpcHead(['grpc-timeout', '999u']),
    ].map((head) => decodeGrpcMessage(rig.call(head).heads[0].get('grpc-message')!));
    expect(refused[0]).to.match(
      /^grpc-timeout "1x" is malformed: .*\[protocol_error\] \(call \w{4}-\w{8}\)$/,
    );
    expect(refused[1]).to.contain(`grpc-timeout "${'1'.repeat(31)}…" is malformed`);
    expect(refused[2]).to.match(/^the deadline had passed when the call arrived/);
    const target = rig.call(httpHead('GET', '/a.B/ x'));
    expect(target.heads[0].status).to.equal(400);
    refused.push(target.body.toString());
    expect(refused[3]).to.match(/^the client sent /);
    for (const { endedBy } of rig.settled) expect(endedBy).to.equal('client');
    refused.push(rig.call(httpHead('GET', '/other')).body.toString());
    for (const text of refused) expect(text).to.match(didNot);
    expect(rig.order).to.have.length(0);
    expectOver(rig, 5);
  });

  it('a deadline of 1 ms is left to the endpoint', () => {
    const rig = callRig();
    rig.call(grpcHead(['grpc-timeout', '1m']));
    expect(rig.order).to.have.length(1);
    rig.clock.advance(1);
    expectOver(rig);
  });

  it('says so of endpoints that are drained, at their own limit, or not there', () => {
    const drained = callRig();
    drained.cluster.drainEndpoint('10.0.0.1:1000', true);
    const full = callRig({ endpointRequestsMax: 1 });
    full.call(grpcHead());
    for (const [rig, code] of [
      [drained, 'no_healthy_endpoint'],
      [full, 'overloaded'],
      [callRig({ endpoints: 0 }), 'no_endpoint'],
      [callRig({ requestsMax: 0 }), 'overloaded'],
      [callRig({ memoryHigh: true }), 'overloaded'],
    ] as const) {
      const [head] = rig.call(grpcHead()).heads;
      expect(head.get('x-outrigger-error')).to.equal(code);
      expect(decodeGrpcMessage(head.get('grpc-message')!)).to.match(didNot);
      rig.cluster.stop();
    }
  });

  it('says so of a body that no memory is left for', () => {
    const rig = callRig({ budgetBytes: 10 });
    rig.pools[0].atOnce = null;
    const client = rig.call(grpcHead(), false);
    send(client, 'x'.repeat(11));
    expect(decodeGrpcMessage(client.heads[0].get('grpc-message')!)).to.match(didNot);
    expectOver(rig);
  });

  it('says so of a head that is larger than the endpoint takes, by one byte', () => {
    const head = grpcHead();
    for (const [bytesMax, sent] of [
      [head.listBytes, true],
      [head.listBytes - 1, false],
    ] as const) {
      const rig = callRig();
      rig.pools[0].granted = (stream) => void Object.assign(stream, { headListBytesMax: bytesMax });
      const client = rig.call(head);
      expect(rig.pools[0].streams[0].said[0] === 'head POST end').to.equal(sent);
      if (!sent) expect(decodeGrpcMessage(client.heads[0].get('grpc-message')!)).to.match(didNot);
      rig.cluster.stop();
    }
  });
});

describe('deadlineError', () => {
  it('says how far the call had come', () => {
    const record = callRecord({ startedMs: 1000, attempts: [attemptRecord()] });
    expect(deadlineError(record, 1250.4, true)).to.include({
      detail: 'the deadline passed after 250 ms, while 127.0.0.1:50051 was processing the request',
      mayHaveProcessed: true,
    });
    expect(deadlineError(record, 1250, false)).to.include({
      detail: 'the deadline passed after 250 ms, before a connection was open',
      mayHaveProcessed: false,
    });
  });
});
