import { expect } from 'chai';
import { replayBytesPerCallMax } from '../../../../src/call/replay-buffer.ts';
import { ErrorCode } from '../../../../src/core/error-code.ts';
import { GrpcStatus } from '../../../../src/core/grpc-status.ts';
import { answer, expectAttemptsOver, hedgePolicy, message, sayTrailersOnly } from '../attempt-policies.ts';
import { callRig, failure, grpcHead } from '../call-rig.ts';

describe('hedging', () => {
  it('sends another attempt to another endpoint each time the delay is over, and the first good reply wins', () => {
    const policy = hedgePolicy();
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    const client = rig.call(grpcHead(), false);
    client.receiver!.data(message, 0, 5, true);
    rig.clock.advance(99);
    expect(rig.order).to.have.length(1);
    rig.clock.advance(1);
    expect(rig.order[1].said).to.deep.equal(['head POST', 'data 5 last']);
    expect(rig.order[1].heads[0].get('grpc-previous-rpc-attempts')).to.equal('1');
    expect(policy.budget.retries).to.equal(1);
    rig.clock.advance(100);
    expect(rig.order).to.have.length(3);
    rig.clock.advance(1000);
    expect(rig.order).to.have.length(3);
    answer(rig.order[1]);
    expect(client.said).to.deep.equal(['head 200', 'data 5', 'trailers']);
    expect(rig.order.map((stream) => stream.said.at(-1))).to.deep.equal([
      'reset CANCEL',
      'data 5 last',
      'reset CANCEL',
    ]);
    const { attempts } = rig.settled[0];
    expect(attempts.map(({ kind, grpcStatus }) => [kind, grpcStatus])).to.deep.equal([
      ['first', GrpcStatus.CANCELLED],
      ['hedge', 0],
      ['hedge', GrpcStatus.CANCELLED],
    ]);
    expect(attempts[0].verdict).to.equal('cancelled: attempt 2 answered first');
    expect(new Set(attempts.map(({ endpoint }) => endpoint)).size).to.equal(3);
    expectAttemptsOver(rig, policy);
  });

  it('a reply in time costs one attempt', () => {
    const policy = hedgePolicy();
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    rig.call(grpcHead());
    answer(rig.order[0]);
    rig.clock.advance(1000);
    expect(rig.order).to.have.length(1);
    expectAttemptsOver(rig, policy);
  });

  it('a failure that is not fatal is followed by the next at once', () => {
    const policy = hedgePolicy();
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    const client = rig.call(grpcHead());
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE);
    rig.clock.advance(0);
    expect(rig.order).to.have.length(2);
    expect(client.said).to.deep.equal([]);
    answer(rig.order[1]);
    expectAttemptsOver(rig, policy);
  });

  it('any other failure is the answer', () => {
    const policy = hedgePolicy();
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    const client = rig.call(grpcHead());
    rig.clock.advance(100);
    sayTrailersOnly(rig.order[1], GrpcStatus.INVALID_ARGUMENT);
    expect(client.heads[0].get('grpc-status')).to.equal('3');
    expect(rig.order[0].said.at(-1)).to.equal('reset CANCEL');
    expectAttemptsOver(rig, policy);
  });

  it('when all fail, the last failure is the answer', () => {
    const policy = hedgePolicy(2);
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    const client = rig.call(grpcHead());
    rig.clock.advance(100);
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE);
    expect(client.said).to.deep.equal([]);
    rig.order[1].receiver!.failed(failure('closed'));
    expect(client.heads[0].get('x-outrigger-error')).to.equal('upstream_closed');
    expectAttemptsOver(rig, policy);
  });

  it('pushback: no further one, and those that run go on', () => {
    const policy = hedgePolicy(4);
    const rig = callRig({ endpoints: 4, attemptPolicy: policy });
    const client = rig.call(grpcHead());
    rig.clock.advance(100);
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE, ['grpc-retry-pushback-ms', '-1']);
    rig.clock.advance(1000);
    expect(rig.order).to.have.length(2);
    answer(rig.order[1]);
    expect(client.trailersBlock!.get('grpc-status')).to.equal('0');
    expectAttemptsOver(rig, policy);
  });

  it('pushback: the next one as late as the server says', () => {
    const policy = hedgePolicy();
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    rig.call(grpcHead());
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE, ['grpc-retry-pushback-ms', '700']);
    rig.clock.advance(699);
    expect(rig.order).to.have.length(1);
    rig.clock.advance(1);
    answer(rig.order[1]);
    expectAttemptsOver(rig, policy);
  });

  it('nobody else to ask: one attempt, however long it takes', () => {
    const policy = hedgePolicy();
    const rig = callRig({ endpoints: 1, attemptPolicy: policy });
    rig.call(grpcHead());
    rig.clock.advance(1000);
    expect(rig.order).to.have.length(1);
    expect(policy.budget.retries).to.equal(0);
    answer(rig.order[0]);
    expectAttemptsOver(rig, policy);
  });

  it('the budget bounds it', () => {
    const policy = hedgePolicy(2, ['unavailable'], 1);
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    for (let i = 0; i < 3; i++) rig.call(grpcHead());
    rig.clock.advance(100);
    expect(rig.order).to.have.length(4);
    for (const stream of rig.order.slice(0, 3)) answer(stream);
    expect(rig.settled.filter(({ attempts }) => attempts[0].withheld === 'budget')).to.have.length(2);
    expectAttemptsOver(rig, policy, 3);
  });

  it('a refused one goes to another endpoint for nothing', () => {
    const policy = hedgePolicy(2);
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    rig.call(grpcHead());
    rig.clock.advance(100);
    rig.order[1].receiver!.failed(failure('refused', ErrorCode.REFUSED_STREAM));
    expect(rig.order).to.have.length(3);
    expect(policy.budget.retries).to.equal(0);
    answer(rig.order[2]);
    expect(rig.settled[0].attempts.map(({ kind }) => kind)).to.deep.equal(['first', 'hedge', 'transparent']);
    expectAttemptsOver(rig, policy);
  });

  it('the next one after a failure begins at once, also where a refused one is retried before it', () => {
    const policy = hedgePolicy(4);
    const rig = callRig({ endpoints: 5, attemptPolicy: policy });
    rig.call(grpcHead());
    rig.clock.advance(100);
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE);
    rig.order[1].receiver!.failed(failure('refused', ErrorCode.REFUSED_STREAM));
    expect(rig.order).to.have.length(3);
    rig.clock.advance(0);
    expect(rig.order).to.have.length(4);
    expect(policy.budget.retries).to.equal(1);
    answer(rig.order[3]);
    expectAttemptsOver(rig, policy);
  });

  it('pushback: the next one does not begin either where another failure had caused it', () => {
    const policy = hedgePolicy(4);
    const rig = callRig({ endpoints: 5, attemptPolicy: policy });
    const client = rig.call(grpcHead());
    rig.clock.advance(200);
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE);
    sayTrailersOnly(rig.order[1], GrpcStatus.UNAVAILABLE, ['grpc-retry-pushback-ms', '-1']);
    rig.clock.advance(1000);
    expect(rig.order).to.have.length(3);
    expect(policy.budget.retries).to.equal(1);
    answer(rig.order[2]);
    expect(client.trailersBlock!.get('grpc-status')).to.equal('0');
    expectAttemptsOver(rig, policy);
  });

  it('a request goes to all of them as it comes; what outgrows the replay buffer goes to the furthest alone', () => {
    const policy = hedgePolicy(2);
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    const client = rig.call(grpcHead(), false);
    client.receiver!.data(message, 0, 5, false);
    rig.order[0].receiver!.sent(5);
    rig.clock.advance(100);
    client.receiver!.data(message, 0, 5, false);
    expect(rig.order.map(({ body }) => body.length)).to.deep.equal([10, 10]);
    rig.order[0].receiver!.sent(5);
    rig.order[1].receiver!.sent(5);
    expect(client.credit).to.equal(10);
    const large = Buffer.alloc(replayBytesPerCallMax);
    client.receiver!.data(large, 0, large.length, true);
    expect(rig.order[1].said.at(-1)).to.equal('reset CANCEL');
    answer(rig.order[0]);
    expectAttemptsOver(rig, policy);
  });

  it('a full cluster takes no more, and those that run go on', () => {
    const policy = hedgePolicy(3);
    const rig = callRig({ endpoints: 3, attemptPolicy: policy, requestsMax: 2 });
    const client = rig.call(grpcHead());
    rig.clock.advance(100);
    expect(rig.order).to.have.length(2);
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE);
    // The place that became free is taken before the next hedge, which is due at once.
    rig.call(grpcHead());
    rig.clock.advance(0);
    expect(client.said).to.deep.equal([]);
    answer(rig.order[1]);
    answer(rig.order[2]);
    rig.clock.advance(1000);
    expect(client.trailersBlock!.get('grpc-status')).to.equal('0');
    expectAttemptsOver(rig, policy, 2);
  });

  it('the deadline ends all of them', () => {
    const policy = hedgePolicy(3);
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    const client = rig.call(grpcHead(['grpc-timeout', '150m']));
    rig.clock.advance(150);
    expect(client.heads[0].get('grpc-status')).to.equal('4');
    expect(rig.order.map((stream) => stream.said.at(-1))).to.deep.equal(['reset CANCEL', 'reset CANCEL']);
    expectAttemptsOver(rig, policy);
  });

  it('a client that goes cancels all of them', () => {
    const policy = hedgePolicy(3);
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    const client = rig.call(grpcHead());
    rig.clock.advance(100);
    client.receiver!.failed(failure('reset', ErrorCode.CANCEL));
    expect(rig.order.map((stream) => stream.said.at(-1))).to.deep.equal(['reset CANCEL', 'reset CANCEL']);
    rig.clock.advance(1000);
    expectAttemptsOver(rig, policy);
  });
});
