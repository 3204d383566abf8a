import { expect } from 'chai';
import { compileRetryConditions } from '../../../../src/call/dispatch/retry-conditions.ts';
import { GrpcStatus } from '../../../../src/core/grpc-status.ts';

describe('call/dispatch/retry-conditions', () => {
  it('holds for the gRPC statuses it names and for no other', () => {
    const on = compileRetryConditions(['unavailable', 'resource-exhausted']);
    const held = Object.values(GrpcStatus).filter((status) => on.grpc(status));
    expect(held).to.have.members([GrpcStatus.UNAVAILABLE, GrpcStatus.RESOURCE_EXHAUSTED]);
    expect([on.http(503), on.error('connect_failed')]).to.deep.equal([false, false]);
  });

  it('knows CANCELLED, the first of them', () => {
    const on = compileRetryConditions(['cancelled']);
    expect([on.grpc(GrpcStatus.CANCELLED), on.grpc(GrpcStatus.OK)]).to.deep.equal([true, false]);
  });

  it('knows the groups of HTTP statuses', () => {
    const held = (...on: Array<string | number>) =>
      [429, 499, 500, 502, 503, 504, 599, 600].filter((status) => compileRetryConditions(on).http(status));
    expect(held('5xx')).to.deep.equal([500, 502, 503, 504, 599]);
    expect(held('gateway-error')).to.deep.equal([502, 503, 504]);
    expect(held(429, 500)).to.deep.equal([429, 500]);
  });

  it('distinguishes broken connections from those that were never there', () => {
    const errors = [
      'connect_failed',
      'connect_timeout',
      'upstream_reset',
      'upstream_closed',
      'overloaded',
    ] as const;
    const held = (on: string) => errors.filter((code) => compileRetryConditions([on]).error(code));
    expect(held('connect-failure')).to.deep.equal(['connect_failed', 'connect_timeout']);
    expect(held('reset')).to.deep.equal(['upstream_reset', 'upstream_closed']);
  });
});
