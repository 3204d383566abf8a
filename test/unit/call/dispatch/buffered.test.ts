import { expect } from 'chai';
import { replayBytesPerCallMax } from '../../../../src/call/replay-buffer.ts';
import { type Ending, endings } from '../../../../src/core/ending.ts';
import { ErrorCode } from '../../../../src/core/error-code.ts';
import { decodeGrpcMessage } from '../../../../src/core/grpc-message.ts';
import { GrpcStatus } from '../../../../src/core/grpc-status.ts';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import { watchLeases } from '../../../support/leases.ts';
import {
  answer,
  expectAttemptsOver,
  hedgePolicy,
  message,
  retryPolicy,
  sayTrailersOnly,
  trailers,
} from '../attempt-policies.ts';
import { callRig, type FakeStream, failure, grpcHead, httpHead, replyHead, send } from '../call-rig.ts';

const noConnection = { code: 'connect_failed', message: 'no connection' } as const;
const tooMuch = 'x'.repeat(replayBytesPerCallMax);
const saidOf = (client: FakeStream): string => decodeGrpcMessage(client.heads[0].get('grpc-message')!);

describe('a call that is answered before its first attempt', () => {
  it('never counts for the retry budget of its route', () => {
    const policy = retryPolicy();
    const rig = callRig({
      attemptPolicy: policy,
      policies: { rateLimit: { requests: 1, per: '1s' }, fault: { delay: { percent: 100, time: '200ms' } } },
    });
    const first = rig.call(grpcHead());
    const refused = rig.call(grpcHead());
    expect(refused.heads[0].get('x-outrigger-error')).to.equal('rate_limited');
    expect(policy.budget.calls, 'the first call is delayed').to.equal(0);
    rig.clock.advance(200);
    expect(policy.budget.calls).to.equal(1);
    answer(rig.order[0]);
    expect(first.said.at(-1)).to.equal('trailers');
    expectAttemptsOver(rig, policy, 2);
  });
});

describe('a request that goes to several attempts', () => {
  it('reaches one that waits for a connection once that is there, and the other at once', () => {
    const policy = hedgePolicy(2);
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    const client = rig.call(grpcHead(), false);
    for (const pool of rig.pools) pool.atOnce = null;
    rig.clock.advance(100);
    send(client, 'hello');
    expect(rig.order[0].said).to.deep.equal(['head POST', 'data 5']);
    client.receiver!.trailers(HeaderBlock.of(['x-sum', '1']));
    expect(rig.order[0].said.at(-1)).to.equal('trailers');
    rig.pools.find(({ asked }) => asked.length > 0)!.grant();
    expect(rig.order[1].said).to.deep.equal(['head POST', 'data 5', 'trailers']);
    answer(rig.order[1]);
    expectAttemptsOver(rig, policy);
  });

  it('its trailers reach all of them', () => {
    const policy = hedgePolicy(2);
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    const client = rig.call(grpcHead(), false);
    rig.clock.advance(100);
    client.receiver!.trailers(HeaderBlock.of(['x-sum', '1']));
    expect(rig.order.map(({ said }) => said)).to.deep.equal([
      ['head POST', 'trailers'],
      ['head POST', 'trailers'],
    ]);
    answer(rig.order[0]);
    expectAttemptsOver(rig, policy);
  });

  describe('and outgrows the replay buffer goes on with', () => {
    it('the one that has begun its reply', () => {
      const policy = hedgePolicy(2);
      const rig = callRig({ endpoints: 2, attemptPolicy: policy });
      const client = rig.call(grpcHead(), false);
      rig.clock.advance(100);
      send(client, '1234567890');
      rig.order[0].receiver!.sent(10);
      rig.order[1].receiver!.head(replyHead(), false);
      send(client, tooMuch);
      expect(rig.order[0].said.at(-1)).to.equal('reset CANCEL');
      expect(client.said).to.deep.equal(['head 200']);
      rig.order[1].receiver!.data(message, 0, 5, true);
      expectAttemptsOver(rig, policy);
    });

    it('the one that has a connection', () => {
      const policy = hedgePolicy(2);
      const rig = callRig({ endpoints: 2, attemptPolicy: policy });
      for (const pool of rig.pools) pool.atOnce = null;
      const client = rig.call(grpcHead(), false);
      for (const pool of rig.pools) pool.atOnce = 'grant';
      rig.clock.advance(100);
      send(client, tooMuch);
      send(client, 'x');
      expect(rig.pools.map(({ cancelled }) => cancelled).toSorted()).to.deep.equal([0, 1]);
      answer(rig.order[0]);
      expect(rig.settled[0].chosen).to.equal(2);
      expectAttemptsOver(rig, policy);
    });

    it('the first, of two that are as far', () => {
      const policy = hedgePolicy(2);
      const rig = callRig({ endpoints: 2, attemptPolicy: policy });
      const client = rig.call(grpcHead(), false);
      rig.clock.advance(100);
      send(client, tooMuch);
      send(client, 'x');
      expect(rig.order[1].said.at(-1)).to.equal('reset CANCEL');
      answer(rig.order[0]);
      expect(rig.settled[0].chosen).to.equal(1);
      expectAttemptsOver(rig, policy);
    });

    it('none, where the only one breaks as it takes the bytes', () => {
      const policy = retryPolicy({ on: ['reset'] });
      const rig = callRig({ endpoints: 2, attemptPolicy: policy });
      const client = rig.call(grpcHead(), false);
      const [stream] = rig.order;
      stream.data = () => stream.receiver!.failed(failure('closed'));
      send(client, `${tooMuch}x`);
      expect(client.heads[0].get('x-outrigger-error')).to.equal('upstream_closed');
      expect(rig.settled[0].attempts[0]).to.include({
        verdict: 'not retried: the request is larger than the replay buffer',
        withheld: 'replay',
      });
      expectAttemptsOver(rig, policy);
    });
  });
});

describe('attempts that end while others run', () => {
  it('one that fails is left to the others where the route allows no more', () => {
    const policy = hedgePolicy(2);
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    const client = rig.call(grpcHead());
    rig.clock.advance(100);
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE);
    expect(client.said).to.deep.equal([]);
    answer(rig.order[1]);
    expect(rig.settled[0].attempts[0]).to.include({
      verdict: 'UNAVAILABLE: other attempts are still running',
      withheld: 'attempts',
    });
    expect(rig.settled[0].chosen).to.equal(2);
    expectAttemptsOver(rig, policy);
  });

  it('one that never began says nothing of the call, one that may have been processed does', () => {
    for (const [how, goesOn] of [
      ['refused', true],
      ['closed', false],
    ] as const) {
      const policy = hedgePolicy(2, ['not-found']);
      const rig = callRig({ endpoints: 3, attemptPolicy: policy });
      const client = rig.call(grpcHead());
      rig.clock.advance(100);
      // One that was refused is sent to another endpoint, once.
      for (const stream of rig.order.slice(1)) stream.receiver!.failed(failure(how));
      if (goesOn) rig.order[2].receiver!.failed(failure(how));
      expect(client.heads.length === 0, how).to.equal(goesOn);
      if (goesOn) answer(rig.order[0]);
      expectAttemptsOver(rig, policy);
    }
  });

  it('a verdict is added to the one before, and a reason to withhold outlives a later retry', () => {
    const policy = hedgePolicy(2, ['unavailable'], 1);
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    rig.call(grpcHead());
    rig.clock.advance(1);
    rig.call(grpcHead());
    rig.clock.advance(100);
    expect(rig.order).to.have.length(3);
    answer(rig.order[0]);
    sayTrailersOnly(rig.order[1], GrpcStatus.UNAVAILABLE);
    rig.clock.advance(0);
    answer(rig.order[3]);
    expect(rig.settled[1].attempts[0]).to.include({
      verdict:
        'not hedged: the retry budget is used up (1 retry for 2 requests in flight); UNAVAILABLE: retried after 0 ms',
      withheld: 'budget',
    });
    expectAttemptsOver(rig, policy, 2);
  });

  it('the verdict on one that broke off is on its own record, and not on the latest', () => {
    const policy = hedgePolicy(2, ['reset']);
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    rig.call(grpcHead());
    rig.clock.advance(100);
    rig.order[0].receiver!.failed(failure('closed'));
    answer(rig.order[1]);
    expect(rig.settled[0].attempts.map(({ verdict }) => verdict)).to.deep.equal([
      'upstream_closed: other attempts are still running',
      '',
    ]);
    expectAttemptsOver(rig, policy);
  });

  it('of HTTP, one that was cancelled or whose reply was dropped has no gRPC status', () => {
    const policy = hedgePolicy(3, ['5xx']);
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    rig.call(httpHead());
    rig.clock.advance(100);
    rig.order[0].receiver!.head(replyHead('500'), true);
    rig.clock.advance(0);
    rig.order[2].receiver!.head(replyHead('200'), true);
    const told = rig.settled[0].attempts.map(({ httpStatus, grpcStatus }) => [httpStatus, grpcStatus]);
    expect(told).to.deep.equal([
      [500, -1],
      [0, -1],
      [200, -1],
    ]);
    expectAttemptsOver(rig, policy);
  });
});

describe('attempts that are cancelled', () => {
  it('at the deadline, have that as their verdict', () => {
    const policy = hedgePolicy(2);
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    rig.call(grpcHead(['grpc-timeout', '150m']));
    rig.clock.advance(150);
    const verdicts = rig.settled[0].attempts.map(({ verdict }) => verdict);
    expect(verdicts).to.deep.equal(Array(2).fill('cancelled: the deadline passed'));
    expectAttemptsOver(rig, policy);
  });

  it('because one endpoint cannot be sent the request, do not end as requests that could not be sent', () => {
    const policy = hedgePolicy(2);
    const rig = callRig({ endpoints: 2, attemptPolicy: policy });
    const ended: Ending[] = [];
    watchLeases(rig.cluster, { ended: (ending) => void ended.push(ending) });
    const client = rig.call(grpcHead(), false);
    rig.clock.advance(100);
    rig.order[1].receiver!.failed(failure('unsendable'));
    expect(client.heads[0].get('x-outrigger-error')).to.equal('protocol_error');
    expect(ended).to.deep.equal([endings.unsendable, endings.terminated]);
    expectAttemptsOver(rig, policy);
  });
});

describe('a call that is committed to an attempt', () => {
  it('relays the head of its reply once, and each message as it comes', () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy });
    const client = rig.call(grpcHead());
    const { receiver } = rig.order[0];
    receiver!.head(replyHead(), false);
    for (let i = 0; i < 2; i++) receiver!.data(message, 0, message.length, false);
    receiver!.trailers(trailers(GrpcStatus.UNAVAILABLE));
    expect(client.said).to.deep.equal(['head 200', 'data 5', 'data 5', 'trailers']);
    expect(rig.settled[0].attempts[0].verdict).to.equal('not retried: a message was already forwarded');
    expectAttemptsOver(rig, policy);
  });

  it('relays the head of a web reply, whose body follows, without an end', () => {
    const policy = retryPolicy();
    const rig = callRig({ attemptPolicy: policy });
    const client = rig.call(httpHead());
    const { receiver } = rig.order[0];
    receiver!.head(replyHead(), false);
    expect(client.said).to.deep.equal(['head 200']);
    receiver!.data(message, 0, message.length, true);
    expect(client.said).to.deep.equal(['head 200', 'data 5 last']);
    expectAttemptsOver(rig, policy);
  });

  it('gives the place of an attempt back that is scheduled, and that does not begin any more', () => {
    const policy = hedgePolicy(3);
    const rig = callRig({ endpoints: 3, attemptPolicy: policy });
    rig.call(grpcHead());
    rig.clock.advance(100);
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE, ['grpc-retry-pushback-ms', '700']);
    expect(policy.budget.retries, 'of the hedge, and of the one to come').to.equal(2);
    answer(rig.order[1]);
    expectAttemptsOver(rig, policy);
    rig.clock.advance(1000);
    expect(rig.order).to.have.length(2);
  });

  it('sends endpoints no number of attempts before where the request is not gRPC', () => {
    const policy = retryPolicy({ on: ['5xx'] });
    const rig = callRig({ attemptPolicy: policy });
    rig.call(httpHead());
    rig.order[0].receiver!.head(replyHead('503'), true);
    rig.clock.advance(25);
    rig.order[1].receiver!.head(replyHead('204'), true);
    const sent = rig.order.map(({ heads }) => heads[0].get('grpc-previous-rpc-attempts'));
    expect(sent).to.deep.equal([undefined, undefined]);
    expectAttemptsOver(rig, policy);
  });
});

describe('whether the upstream may have processed the call, after several attempts', () => {
  const mayHave = /the upstream may have processed the call/;
  const didNot = /the upstream did not process the call/;

  it('an earlier one that broke off may have done it', () => {
    const policy = retryPolicy({ on: ['reset', 'connect-failure'] });
    const rig = callRig({ attemptPolicy: policy });
    const client = rig.call(grpcHead());
    rig.order[0].receiver!.failed(failure('closed'));
    rig.pools[0].atOnce = noConnection;
    rig.clock.advance(1000);
    expect(client.heads[0].get('x-outrigger-error')).to.equal('connect_failed');
    expect(saidOf(client)).to.match(mayHave);
    expectAttemptsOver(rig, policy);
  });

  it('none did it where there was no connection each time', () => {
    const policy = retryPolicy({ on: ['connect-failure'] });
    const rig = callRig({ attemptPolicy: policy });
    rig.pools[0].atOnce = noConnection;
    const client = rig.call(grpcHead());
    rig.clock.advance(1000);
    expect(saidOf(client)).to.match(didNot);
    expectAttemptsOver(rig, policy);
  });

  it('one that was out of its time may have done it, if it had a connection', () => {
    for (const [connected, expected] of [
      [true, mayHave],
      [false, didNot],
    ] as const) {
      const policy = retryPolicy({ perTryTimeoutMs: 100, attempts: 1 });
      const rig = callRig({ attemptPolicy: policy });
      rig.pools[0].atOnce = connected ? 'grant' : null;
      const client = rig.call(grpcHead());
      rig.clock.advance(100);
      expect(saidOf(client)).to.match(expected);
      expectAttemptsOver(rig, policy);
    }
  });

  it('one that was out of its time may have done it, whatever became of the next', () => {
    const policy = retryPolicy({ perTryTimeoutMs: 100, attempts: 2 });
    const rig = callRig({ attemptPolicy: policy });
    const client = rig.call(grpcHead());
    rig.clock.advance(100);
    rig.pools[0].atOnce = noConnection;
    rig.clock.advance(1000);
    expect(saidOf(client)).to.match(mayHave);
    expectAttemptsOver(rig, policy);
  });

  it('one that was cancelled for the sake of another may have done it, if it had a connection', () => {
    for (const [connected, expected] of [
      [true, mayHave],
      [false, didNot],
    ] as const) {
      const policy = hedgePolicy(2);
      const rig = callRig({ endpoints: 2, attemptPolicy: policy });
      for (const pool of rig.pools) pool.atOnce = connected ? 'grant' : null;
      const client = rig.call(grpcHead(), false);
      for (const pool of rig.pools) pool.atOnce = 'grant';
      rig.clock.advance(100);
      const last = rig.order.at(-1)!;
      send(client, 'x');
      last.receiver!.sent(1);
      send(client, tooMuch);
      last.receiver!.failed(failure('refused', ErrorCode.REFUSED_STREAM));
      expect(saidOf(client)).to.match(expected);
      expectAttemptsOver(rig, policy);
    }
  });
});
