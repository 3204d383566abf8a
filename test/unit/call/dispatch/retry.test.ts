import { expect } from 'chai';
import { replayBytesPerCallMax } from '../../../../src/call/replay-buffer.ts';
import { ErrorCode } from '../../../../src/core/error-code.ts';
import { GrpcStatus } from '../../../../src/core/grpc-status.ts';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import {
  answer,
  expectAttemptsOver,
  message,
  retryPolicy,
  sayTrailersOnly,
  trailers,
} from '../attempt-policies.ts';
import { callRig, failure, grpcHead, httpHead, replyHead } from '../call-rig.ts';

describe('retries by policy', () => {
  it('a status in trailers alone is retried on another endpoint after a pause, with the whole request', () => {
    const policy = retryPolicy();
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    const client = rig.call(grpcHead(), false);
    client.receiver!.data(Buffer.from('hello'), 0, 5, true);
    const [first] = rig.order;
    sayTrailersOnly(first, GrpcStatus.UNAVAILABLE);
    expect(client.said).to.deep.equal([]);
    expect(rig.order).to.have.length(1);
    expect(policy.budget.retries).to.equal(1);
    rig.clock.advance(25);
    const [, second] = rig.order;
    expect(second.said).to.deep.equal(['head POST', 'data 5 last']);
    expect(second.body.toString()).to.equal('hello');
    answer(second);
    expect(client.said).to.deep.equal(['head 200', 'data 5', 'trailers']);
    const { attempts, grpcStatus } = rig.settled[0];
    expect(grpcStatus).to.equal(0);
    expect(attempts.map(({ kind, grpcStatus: code }) => [kind, code])).to.deep.equal([
      ['first', GrpcStatus.UNAVAILABLE],
      ['retry', 0],
    ]);
    expect(new Set(attempts.map(({ endpoint }) => endpoint)).size).to.equal(2);
    expect(attempts[0].verdict).to.match(/^UNAVAILABLE: retried after [\d.]+ ms$/);
    expect(attempts[0].pick).not.to.equal('');
    expect(rig.endpoints.map(({ error }) => error)).to.have.members([1, 0]);
    expectAttemptsOver(rig, policy);
  });

  it('a status in trailers behind a head too, which the client then never sees', () => {
    const policy = retryPolicy();
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    const client = rig.call(grpcHead());
    const [first] = rig.order;
    first.receiver!.head(replyHead('200', ['x-from', 'one']), false);
    first.receiver!.trailers(trailers(GrpcStatus.UNAVAILABLE));
    rig.clock.advance(25);
    answer(rig.order[1]);
    expect(client.heads[0].get('x-from')).to.equal(undefined);
    expect(client.said).to.deep.equal(['head 200', 'data 5', 'trailers']);
    expectAttemptsOver(rig, policy);
  });

  it('a head leaves after the hold, and then the call is committed', () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy });
    const client = rig.call(grpcHead());
    const [stream] = rig.order;
    stream.receiver!.head(replyHead(), false);
    rig.clock.advance(49);
    expect(client.said).to.deep.equal([]);
    rig.clock.advance(1);
    expect(client.said).to.deep.equal(['head 200']);
    stream.receiver!.trailers(trailers(GrpcStatus.UNAVAILABLE));
    expect(client.said).to.deep.equal(['head 200', 'trailers']);
    expect(rig.settled[0].attempts[0]).to.include({
      verdict: 'not retried: the headers of the reply were already forwarded',
      withheld: 'committed',
    });
    expectAttemptsOver(rig, policy);
  });

  it('a client that still sends has the head at once: it may wait for it', () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy });
    const client = rig.call(grpcHead(), false);
    const [stream] = rig.order;
    stream.receiver!.head(replyHead(), false);
    rig.clock.advance(0);
    expect(client.said).to.deep.equal(['head 200']);
    client.receiver!.data(message, 0, 5, true);
    expect(stream.said).to.deep.equal(['head POST', 'data 5 last']);
    stream.receiver!.data(message, 0, 5, false);
    stream.receiver!.trailers(trailers(0));
    expectAttemptsOver(rig, policy);
  });

  it('nothing is retried once a message was relayed', () => {
    const policy = retryPolicy();
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    const client = rig.call(grpcHead());
    const [stream] = rig.order;
    stream.receiver!.head(replyHead(), false);
    stream.receiver!.data(message, 0, 5, false);
    stream.receiver!.failed(failure('closed'));
    expect(client.trailersBlock!.get('grpc-status')).to.equal('14');
    expect(rig.settled[0].attempts).to.have.length(1);
    expect(rig.settled[0].attempts[0].verdict).to.equal('not retried: a message was already forwarded');
    expectAttemptsOver(rig, policy);
  });

  it('a status that the policy does not name goes to the client', () => {
    const policy = retryPolicy();
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    const client = rig.call(grpcHead());
    sayTrailersOnly(rig.order[0], GrpcStatus.NOT_FOUND);
    expect(client.heads[0].get('grpc-status')).to.equal('5');
    expect(rig.settled[0].attempts[0].verdict).to.equal('');
    expectAttemptsOver(rig, policy);
  });

  it('an attempt that was lost is retried, and the last one is answered for', () => {
    const policy = retryPolicy({ attempts: 2 });
    const rig = callRig({ endpoints: 1, attemptPolicy: policy });
    const client = rig.call(grpcHead());
    rig.order[0].receiver!.failed(failure('closed'));
    rig.clock.advance(25);
    rig.order[1].receiver!.failed(failure('closed'));
    expect(client.heads[0].get('x-outrigger-error')).to.equal('upstream_closed');
    expect(
      rig.settled[0].attempts.map(({ verdict, withheld }) => [verdict.slice(0, 20), withheld]),
    ).to.deep.equal([
      ['upstream_closed: ret', ''],
      ['not retried: the rou', 'attempts'],
    ]);
    expectAttemptsOver(rig, policy);
  });

  it('who processed an earlier attempt is remembered when a later one goes nowhere', () => {
    const policy = retryPolicy();
    const rig = callRig({ endpoints: 1, attemptPolicy: policy });
    const client = rig.call(grpcHead());
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE);
    rig.pools[0].atOnce = { code: 'connect_failed', message: 'no connection' };
    rig.clock.advance(1000);
    expect(decodeURIComponent(client.heads[0].get('grpc-message')!)).to.contain('may have processed');
    expectAttemptsOver(rig, policy);
  });

  it('says how many attempts there were before, those of the client included', () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy });
    rig.call(grpcHead(['grpc-previous-rpc-attempts', '2']));
    const [first] = rig.order;
    expect(first.heads[0].all('grpc-previous-rpc-attempts')).to.deep.equal(['2']);
    sayTrailersOnly(first, GrpcStatus.UNAVAILABLE);
    rig.clock.advance(25);
    expect(rig.order[1].heads[0].all('grpc-previous-rpc-attempts')).to.deep.equal(['3']);
    answer(rig.order[1]);
    expectAttemptsOver(rig, policy);
  });

  it('a transparent attempt is free and is not counted', () => {
    const policy = retryPolicy({ attempts: 2 });
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    rig.call(grpcHead());
    rig.order[0].receiver!.failed(failure('refused', ErrorCode.REFUSED_STREAM));
    expect(policy.budget.retries).to.equal(0);
    sayTrailersOnly(rig.order[1], GrpcStatus.UNAVAILABLE);
    rig.clock.advance(25);
    expect(rig.order[2].heads[0].get('grpc-previous-rpc-attempts')).to.equal('1');
    answer(rig.order[2]);
    expect(rig.settled[0].attempts.map(({ kind }) => kind)).to.deep.equal(['first', 'transparent', 'retry']);
    expectAttemptsOver(rig, policy);
  });

  describe('pushback', () => {
    for (const value of ['-1', 'soon', '99999999']) {
      it(`"${value}" means no`, () => {
        const policy = retryPolicy();
        const rig = callRig({ attemptPolicy: policy });
        const client = rig.call(grpcHead());
        sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE, ['grpc-retry-pushback-ms', value]);
        expect(client.heads[0].get('grpc-status')).to.equal('14');
        expect(rig.settled[0].attempts[0]).to.include({
          verdict: 'not retried: the server forbids retries (grpc-retry-pushback-ms)',
          withheld: 'pushback',
        });
        expectAttemptsOver(rig, policy);
      });
    }

    it('a number is waited for, exactly', () => {
      const policy = retryPolicy();
      const rig = callRig({ attemptPolicy: policy });
      rig.call(grpcHead());
      const [first] = rig.order;
      first.receiver!.head(replyHead(), false);
      first.receiver!.trailers(trailers(GrpcStatus.UNAVAILABLE, ['grpc-retry-pushback-ms', '3000']));
      rig.clock.advance(2999);
      expect(rig.order).to.have.length(1);
      rig.clock.advance(1);
      answer(rig.order[1]);
      expectAttemptsOver(rig, policy);
    });
  });

  it('the budget of the route bounds retries in flight, and is given back', () => {
    const policy = retryPolicy({ percent: 20, min: 1 });
    const rig = callRig({ attemptPolicy: policy });
    const clients = Array.from({ length: 10 }, () => rig.call(grpcHead()));
    for (const stream of [...rig.order]) sayTrailersOnly(stream, GrpcStatus.UNAVAILABLE);
    // Two of ten may be tried again; with fewer calls left in flight, one.
    const told = clients.filter((client) => client.heads.length > 0);
    expect(told).to.have.length(8);
    expect(rig.settled[0].attempts[0].withheld).to.equal('budget');
    rig.clock.advance(25);
    for (const stream of rig.order.slice(10)) answer(stream);
    expectAttemptsOver(rig, policy, 10);
  });

  it("the cluster's limit of retries holds over all routes", () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy, retriesMax: 1 });
    rig.call(grpcHead());
    rig.call(grpcHead());
    for (const stream of [...rig.order]) sayTrailersOnly(stream, GrpcStatus.UNAVAILABLE);
    expect(rig.settled.map(({ attempts }) => attempts[0].withheld)).to.deep.equal(['limit']);
    rig.clock.advance(25);
    answer(rig.order[2]);
    expectAttemptsOver(rig, policy, 2);
  });

  it('a retry that finds the cluster full ends the call, and its place is given back once', () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy, requestsMax: 1 });
    const first = rig.call(grpcHead());
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE);
    rig.call(grpcHead());
    rig.clock.advance(25);
    expect(first.heads[0].get('x-outrigger-error')).to.equal('overloaded');
    expect([policy.budget.retries, rig.cluster.retries]).to.deep.equal([0, 0]);
    answer(rig.order[1]);
    expectAttemptsOver(rig, policy, 2);
  });

  it('a request that outgrew the replay buffer commits the call to its attempt', () => {
    const policy = retryPolicy();
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    const client = rig.call(grpcHead(), false);
    const large = Buffer.alloc(replayBytesPerCallMax + 1);
    client.receiver!.data(large, 0, large.length, true);
    const [stream] = rig.order;
    expect(stream.said).to.deep.equal(['head POST', `data ${large.length} last`]);
    sayTrailersOnly(stream, GrpcStatus.UNAVAILABLE);
    expect(client.said).to.deep.equal(['head 200 end']);
    expect(rig.settled[0].attempts[0].verdict).to.equal(
      'not retried: the request is larger than the replay buffer',
    );
    expectAttemptsOver(rig, policy);
  });

  it('an attempt that begins no reply in its time is cancelled and followed by another', () => {
    const policy = retryPolicy({ perTryTimeoutMs: 100, attempts: 2 });
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    const client = rig.call(grpcHead());
    rig.clock.advance(100);
    expect(rig.order[0].said).to.deep.equal(['head POST end', 'reset CANCEL']);
    rig.clock.advance(25);
    expect(rig.order).to.have.length(2);
    rig.clock.advance(100);
    expect(client.heads[0].get('grpc-status')).to.equal(String(GrpcStatus.DEADLINE_EXCEEDED));
    expect(rig.settled[0].attempts.map(({ error }) => error)).to.deep.equal([
      'per_try_timeout',
      'per_try_timeout',
    ]);
    expectAttemptsOver(rig, policy);
  });

  it('the deadline covers everything: a pause that it does not allow is not begun, and one it ends is over', () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy });
    const client = rig.call(grpcHead(['grpc-timeout', '1S']));
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE, ['grpc-retry-pushback-ms', '1000']);
    expect(client.heads[0].get('grpc-status')).to.equal('14');
    expect(rig.settled[0].attempts[0].withheld).to.equal('deadline');
    const other = rig.call(grpcHead(['grpc-timeout', '1S']));
    rig.clock.advance(500);
    sayTrailersOnly(rig.order[1], GrpcStatus.UNAVAILABLE, ['grpc-retry-pushback-ms', '100']);
    rig.clock.advance(100);
    const [, , third] = rig.order;
    expect(third.heads[0].get('grpc-timeout')).to.equal('400000u');
    rig.clock.advance(400);
    expect(other.heads[0].get('grpc-status')).to.equal('4');
    expect(third.said.at(-1)).to.equal('reset CANCEL');
    expectAttemptsOver(rig, policy, 2);
  });

  it('a deadline that passes later says that an earlier attempt may have been processed', () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy });
    const client = rig.call(grpcHead(['grpc-timeout', '200m']));
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE, ['grpc-retry-pushback-ms', '199']);
    rig.pools[0].atOnce = null;
    rig.clock.advance(199);
    // The second attempt waits for a connection.
    rig.clock.advance(1);
    expect(decodeURIComponent(client.heads[0].get('grpc-message')!)).to.match(/may have processed the call/);
    expectAttemptsOver(rig, policy);
  });

  it('a client that goes during the pause ends it', () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy });
    const client = rig.call(grpcHead());
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE, ['grpc-retry-pushback-ms', '100']);
    client.receiver!.failed(failure('reset', ErrorCode.CANCEL));
    rig.clock.advance(1000);
    expect(rig.order).to.have.length(1);
    expectAttemptsOver(rig, policy);
  });

  describe('HTTP', () => {
    it('a status that the policy names is retried, and its body dropped', () => {
      const policy = retryPolicy({ on: ['gateway-error', 429] });
      const rig = callRig({ endpoints: 2, attemptPolicy: policy });
      const client = rig.call(httpHead());
      rig.order[0].receiver!.head(HeaderBlock.of([':status', '503']), false);
      expect(rig.order[0].said.at(-1)).to.equal('reset CANCEL');
      rig.clock.advance(25);
      rig.order[1].receiver!.head(HeaderBlock.of([':status', '429']), true);
      rig.clock.advance(50);
      rig.order[2].receiver!.head(HeaderBlock.of([':status', '500']), true);
      expect(client.said).to.deep.equal(['head 500 end']);
      expect(rig.settled[0].attempts.map(({ httpStatus }) => httpStatus)).to.deep.equal([503, 429, 500]);
      expectAttemptsOver(rig, policy);
    });

    it('a good head leaves at once', () => {
      const policy = retryPolicy({ on: ['5xx'] });
      const rig = callRig({ attemptPolicy: policy });
      const client = rig.call(httpHead());
      rig.order[0].receiver!.head(HeaderBlock.of([':status', '200']), false);
      expect(client.said).to.deep.equal(['head 200']);
      rig.order[0].receiver!.data(message, 0, 5, true);
      expectAttemptsOver(rig, policy);
    });
  });
});
