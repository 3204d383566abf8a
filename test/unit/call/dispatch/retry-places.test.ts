import { expect } from 'chai';
import type { AttemptPolicy } from '../../../../src/call/dispatch/attempt-policy.ts';
import { ErrorCode } from '../../../../src/core/error-code.ts';
import { GrpcStatus } from '../../../../src/core/grpc-status.ts';
import {
  answer,
  expectAttemptsOver,
  hedgePolicy,
  message,
  retryPolicy,
  sayTrailersOnly,
  trailers,
} from '../attempt-policies.ts';
import {
  type CallRig,
  callRig,
  type FakeStream,
  failure,
  grpcHead,
  httpHead,
  replyHead,
} from '../call-rig.ts';

const pushback = (ms: number) => ['grpc-retry-pushback-ms', String(ms)] as const;
const fail = (stream: FakeStream) => sayTrailersOnly(stream, GrpcStatus.UNAVAILABLE);
/** Places taken of the budget of the route, and of the limit of the cluster. */
const places = (policy: AttemptPolicy, rig: CallRig) => [policy.budget.retries, rig.cluster.retries];

describe('places in the retry budget, the second event', () => {
  it('a retry that fails gives its place to the next one', () => {
    const policy = retryPolicy({ percent: 0, min: 1 });
    const rig = callRig({ endpoints: 2, attemptPolicy: policy, retriesMax: 1 });
    const client = rig.call(grpcHead());
    for (const attempt of [0, 1]) {
      fail(rig.order[attempt]);
      expect(places(policy, rig)).to.deep.equal([1, 1]);
      rig.clock.advance(250);
      expect(places(policy, rig)).to.deep.equal([1, 1]);
    }
    answer(rig.order[2]);
    expect(client.trailersBlock!.get('grpc-status')).to.equal('0');
    expectAttemptsOver(rig, policy);
  });

  it('a retry whose stream goes on gives its place back with its first message', () => {
    const policy = retryPolicy();
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    rig.call(grpcHead());
    fail(rig.order[0]);
    rig.clock.advance(25);
    rig.order[1].receiver!.head(replyHead(), false);
    expect(places(policy, rig)).to.deep.equal([1, 1]);
    rig.order[1].receiver!.data(message, 0, 5, false);
    expect(places(policy, rig)).to.deep.equal([0, 0]);
    expect(policy.budget.calls, 'the call is still in flight').to.equal(1);
    rig.order[1].receiver!.trailers(trailers(0));
    expectAttemptsOver(rig, policy);
  });

  it('an attempt that is chosen gives back the place of the one beside it, however long its stream goes on', () => {
    const policy = hedgePolicy(2);
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    rig.call(grpcHead());
    rig.clock.advance(100);
    expect(places(policy, rig)).to.deep.equal([1, 1]);
    rig.order[0].receiver!.head(replyHead(), false);
    rig.order[0].receiver!.data(message, 0, 5, false);
    expect(places(policy, rig)).to.deep.equal([0, 0]);
    rig.order[0].receiver!.trailers(trailers(0));
    expectAttemptsOver(rig, policy);
  });

  it('a client that goes during the back-off gives the place back at once', () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy });
    const client = rig.call(grpcHead());
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE, pushback(500));
    expect(places(policy, rig)).to.deep.equal([1, 1]);
    client.receiver!.failed(failure('reset', ErrorCode.CANCEL));
    expect(places(policy, rig)).to.deep.equal([0, 0]);
    expectAttemptsOver(rig, policy);
  });

  it('a retry that is refused gives its place back: the attempt on another endpoint is free', () => {
    const policy = retryPolicy();
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    rig.call(grpcHead());
    fail(rig.order[0]);
    rig.clock.advance(25);
    rig.order[1].receiver!.failed(failure('refused', ErrorCode.REFUSED_STREAM));
    expect(rig.order).to.have.length(3);
    expect(places(policy, rig)).to.deep.equal([0, 0]);
    answer(rig.order[2]);
    expectAttemptsOver(rig, policy);
  });

  it('a hedge that finds no endpoint takes no place, and does not count as an attempt', () => {
    const policy = hedgePolicy(2);
    const rig = callRig({ attemptPolicy: policy });
    rig.call(grpcHead());
    rig.clock.advance(100);
    expect(places(policy, rig)).to.deep.equal([0, 0]);
    fail(rig.order[0]);
    expect(places(policy, rig)).to.deep.equal([1, 1]);
    rig.clock.advance(0);
    expect(rig.order[1].heads[0].get('grpc-previous-rpc-attempts')).to.equal('1');
    answer(rig.order[1]);
    expectAttemptsOver(rig, policy);
  });

  it('of two attempts that fail one after the other the second decides, and holds one place', () => {
    const policy = hedgePolicy(3);
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    rig.call(grpcHead());
    rig.clock.advance(100);
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE, pushback(700));
    expect(places(policy, rig), 'of the hedge, and of the one to come').to.deep.equal([2, 2]);
    fail(rig.order[1]);
    expect(places(policy, rig)).to.deep.equal([1, 1]);
    rig.clock.advance(0);
    expect(rig.order).to.have.length(3);
    rig.clock.advance(1000);
    expect(rig.order).to.have.length(3);
    answer(rig.order[2]);
    expectAttemptsOver(rig, policy);
  });

  it('an attempt that is sent again for nothing leaves the place of the next hedge alone', () => {
    const policy = hedgePolicy(3);
    const rig = callRig({ endpoints: 4, attemptPolicy: policy });
    rig.call(grpcHead());
    rig.clock.advance(100);
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE, pushback(700));
    rig.order[1].receiver!.failed(failure('refused', ErrorCode.REFUSED_STREAM));
    expect(places(policy, rig)).to.deep.equal([1, 1]);
    fail(rig.order[2]);
    expect(places(policy, rig)).to.deep.equal([1, 1]);
    rig.clock.advance(0);
    answer(rig.order[3]);
    expectAttemptsOver(rig, policy);
  });

  it('a retry that finds no endpoint is decided on again, and keeps its place', () => {
    const policy = retryPolicy({ on: ['reset'] });
    const rig = callRig({ attemptPolicy: policy });
    const client = rig.call(grpcHead());
    rig.order[0].receiver!.failed(failure('closed'));
    rig.cluster.drainEndpoint('10.0.0.1:1000', true);
    rig.clock.advance(25);
    expect(client.said).to.deep.equal([]);
    expect(places(policy, rig)).to.deep.equal([1, 1]);
    rig.cluster.drainEndpoint('10.0.0.1:1000', false);
    rig.clock.advance(50);
    expect(rig.order).to.have.length(2);
    answer(rig.order[1]);
    expectAttemptsOver(rig, policy);
  });

  it('a retry that waits for the endpoints of its cluster keeps its place, and counts as an attempt', () => {
    const policy = retryPolicy({ attempts: 2 });
    const rig = callRig({ attemptPolicy: policy });
    const waiting: Array<() => void> = [];
    rig.cluster.whenWarm = (resume) => {
      waiting.push(resume);
      return () => {};
    };
    const client = rig.call(grpcHead());
    fail(rig.order[0]);
    rig.cluster.drainEndpoint('10.0.0.1:1000', true);
    rig.clock.advance(25);
    expect([rig.order.length, waiting.length]).to.deep.equal([1, 1]);
    expect(places(policy, rig)).to.deep.equal([1, 1]);
    rig.cluster.drainEndpoint('10.0.0.1:1000', false);
    waiting[0]();
    expect(rig.order[1].heads[0].get('grpc-previous-rpc-attempts')).to.equal('1');
    expect(places(policy, rig)).to.deep.equal([1, 1]);
    fail(rig.order[1]);
    expect(client.said, 'the route allows two attempts').to.deep.equal(['head 200 end']);
    expectAttemptsOver(rig, policy);
  });

  it('a retry whose client leaves while it waits for endpoints gives its place back', () => {
    const policy = retryPolicy({ attempts: 2 });
    const rig = callRig({ attemptPolicy: policy });
    let stopped = 0;
    rig.cluster.whenWarm = () => () => void stopped++;
    const client = rig.call(grpcHead());
    fail(rig.order[0]);
    rig.cluster.drainEndpoint('10.0.0.1:1000', true);
    rig.clock.advance(25);
    client.receiver!.failed(failure('reset', ErrorCode.CANCEL));
    expect(stopped).to.equal(1);
    expectAttemptsOver(rig, policy);
  });

  it('a hedge in a full cluster takes no place, and the record says why', () => {
    const policy = hedgePolicy(3);
    const rig = callRig({ endpoints: 3, attemptPolicy: policy, requestsMax: 1 });
    rig.call(grpcHead());
    rig.clock.advance(100);
    expect(places(policy, rig)).to.deep.equal([0, 0]);
    answer(rig.order[0]);
    expect(rig.settled[0].attempts[0]).to.include({
      verdict: 'not hedged: the cluster is at its limit of requests in flight',
      withheld: 'limit',
    });
    expectAttemptsOver(rig, policy);
  });
});

describe('what a call waits for between attempts', () => {
  it('a stream that was chosen is not hedged any more', () => {
    const policy = hedgePolicy(3);
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    rig.call(grpcHead());
    rig.order[0].receiver!.head(replyHead(), false);
    rig.order[0].receiver!.data(message, 0, 5, false);
    rig.clock.advance(10_000);
    expect(rig.order).to.have.length(1);
    rig.order[0].receiver!.trailers(trailers(0));
    expectAttemptsOver(rig, policy);
  });

  it('without perTryTimeout an attempt has no timer', () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy });
    const before = rig.clock.pending;
    rig.call(grpcHead());
    expect(rig.clock.pending).to.equal(before);
    answer(rig.order[0]);
    expectAttemptsOver(rig, policy);
  });

  it('perTryTimeout ends with its attempt: a client that goes is not retried', () => {
    const policy = retryPolicy({ perTryTimeoutMs: 100 });
    const rig = callRig({ attemptPolicy: policy });
    const client = rig.call(grpcHead());
    client.receiver!.failed(failure('reset', ErrorCode.CANCEL));
    rig.clock.advance(1000);
    expect(rig.order).to.have.length(1);
    expectAttemptsOver(rig, policy);
  });

  it('the last attempt that a route allows waits for no other', () => {
    const policy = hedgePolicy(2);
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    rig.call(grpcHead());
    rig.clock.advance(1000);
    answer(rig.order[0]);
    const told = rig.settled[0].attempts.map(({ verdict, withheld }) => [verdict, withheld]);
    expect(told).to.deep.equal([
      ['', ''],
      ['cancelled: attempt 1 answered first', ''],
    ]);
    expectAttemptsOver(rig, policy);
  });

  it('a pushback of 0 is no refusal: the next attempt follows at once', () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy });
    rig.call(grpcHead());
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE, pushback(0));
    rig.clock.advance(0);
    expect(rig.order).to.have.length(2);
    answer(rig.order[1]);
    expectAttemptsOver(rig, policy);
  });

  it('a hedge goes out while any time is left, and not when none is', () => {
    for (const [timeout, attempts] of [
      ['100500u', 2],
      ['99500u', 1],
    ] as const) {
      const policy = hedgePolicy(2);
      const rig = callRig({ endpoints: 2, attemptPolicy: policy });
      rig.call(grpcHead(['grpc-timeout', timeout]));
      rig.clock.advance(1000);
      expect(rig.order).to.have.length(attempts);
      expectAttemptsOver(rig, policy);
    }
  });
});

describe('what is retried', () => {
  it('of a reply that is no gRPC, its HTTP status where the policy names that, and no other', () => {
    for (const [status, retried] of [
      ['503', true],
      ['404', false],
    ] as const) {
      const policy = retryPolicy({ on: ['gateway-error'] });
      const rig = callRig({ endpoints: 2, attemptPolicy: policy });
      rig.call(grpcHead());
      rig.order[0].receiver!.head(replyHead(status), false);
      rig.order[0].receiver?.trailers(trailers(GrpcStatus.OK));
      rig.clock.advance(25);
      expect(rig.order.length === 2, status).to.equal(retried);
      if (retried) answer(rig.order[1]);
      expectAttemptsOver(rig, policy);
    }
  });

  it('of HTTP, an attempt that broke off, where the policy names the status that it would be answered with', () => {
    const policy = retryPolicy({ on: ['gateway-error'] });
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    const client = rig.call(httpHead());
    rig.order[0].receiver!.failed(failure('closed'));
    expect(client.said).to.deep.equal([]);
    rig.clock.advance(25);
    rig.order[1].receiver!.head(replyHead('204'), true);
    expect(client.said).to.deep.equal(['head 204 end']);
    expectAttemptsOver(rig, policy);
  });

  it('nothing that the policy does not name, however an attempt broke off', () => {
    const policy = retryPolicy({ on: ['resource-exhausted'] });
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    const client = rig.call(grpcHead());
    rig.order[0].receiver!.failed(failure('closed'));
    expect(client.heads[0].get('grpc-status')).to.equal('14');
    expectAttemptsOver(rig, policy);
  });

  it('not what this process refuses for want of room', () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy });
    rig.pools[0].atOnce = { code: 'overloaded', message: 'the pool is full' };
    const client = rig.call(grpcHead());
    expect(client.heads[0].get('x-outrigger-error')).to.equal('overloaded');
    expect(rig.settled[0].attempts.map(({ kind }) => kind)).not.to.include('retry');
    expectAttemptsOver(rig, policy);
  });

  it('not what no endpoint is there for', () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy });
    rig.cluster.drainEndpoint('10.0.0.1:1000', true);
    const client = rig.call(grpcHead());
    rig.clock.advance(10_000);
    expect(client.heads[0].get('x-outrigger-error')).to.equal('no_healthy_endpoint');
    expect(client.heads).to.have.length(1);
    expectAttemptsOver(rig, policy);
  });

  it('a status in trailers that the policy does not name goes to the client behind the head that was held', () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy });
    const client = rig.call(grpcHead());
    rig.order[0].receiver!.head(replyHead(), false);
    rig.order[0].receiver!.trailers(trailers(GrpcStatus.NOT_FOUND));
    expect(client.said).to.deep.equal(['head 200', 'trailers']);
    expect(client.trailersBlock!.get('grpc-status')).to.equal('5');
    expect(rig.settled[0].grpcStatus).to.equal(5);
    expectAttemptsOver(rig, policy);
  });
});
