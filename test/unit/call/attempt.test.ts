import { expect } from 'chai';
import type { Attempt } from '../../../src/call/attempt.ts';
import { endingOfHttp, endings } from '../../../src/core/ending.ts';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { watchLeases } from '../../support/leases.ts';
import { answer, expectAttemptsOver, retryPolicy } from './attempt-policies.ts';
import { type CallRig, callRig, grpcHead, httpHead, replyHead, send } from './call-rig.ts';

/** What the cluster is told of one attempt: `answered`, and how it ended. */
function listen({ cluster }: CallRig): string[] {
  const told: string[] = [];
  watchLeases(cluster, {
    answered: () => told.push('answered'),
    ended: ({ outcome }) => told.push(outcome),
  });
  return told;
}

describe('Attempt', () => {
  it('ends once: what is said of it later changes nothing', () => {
    const rig = callRig();
    const told = listen(rig);
    rig.call(grpcHead());
    const attempt = rig.order[0].receiver as Attempt;
    answer(rig.order[0]);
    const [record] = rig.settled[0].attempts;
    const { endedMs } = record;
    rig.clock.advance(100);
    attempt.end(endings.connectFailed, rig.clock.now());
    attempt.cancel(ErrorCode.CANCEL, endings.cancelled, rig.clock.now());
    expect(record).to.include({ endedMs, tally: 'ok' });
    expect(told).to.deep.equal(['answered', 'success']);
    expect(rig.order[0].said).to.deep.equal(['head POST end']);
  });

  it('has an answer at the head of a reply that goes on, and once only', () => {
    const rig = callRig();
    const told = listen(rig);
    rig.call(grpcHead());
    const { receiver } = rig.pools[0].streams[0];
    receiver!.head(replyHead(), false);
    expect(told).to.deep.equal(['answered']);
    receiver!.trailers(HeaderBlock.of(['grpc-status', '0']));
    expect(told).to.deep.equal(['answered', 'success']);
  });

  it('has none in a failure that is trailers only: it was quick, and no work was done', () => {
    const rig = callRig();
    const told = listen(rig);
    rig.call(grpcHead());
    rig.pools[0].streams[0].receiver!.head(HeaderBlock.of([':status', '200'], ['grpc-status', '14']), true);
    expect(told).to.deep.equal(['failure']);
  });

  it('has one in a success that is a head only, when that is known', () => {
    const rig = callRig();
    const told = listen(rig);
    rig.call(grpcHead());
    rig.pools[0].streams[0].receiver!.head(HeaderBlock.of([':status', '200'], ['grpc-status', '5']), true);
    expect(told).to.deep.equal(['answered', 'success']);
  });

  it('has none in an HTTP error with a body', () => {
    const rig = callRig();
    const told = listen(rig);
    rig.call(httpHead());
    const { receiver } = rig.pools[0].streams[0];
    receiver!.head(HeaderBlock.of([':status', '503']), false);
    receiver!.data(Buffer.from('busy'), 0, 4, true);
    expect(told).to.deep.equal(['failure']);
  });

  it('has one at a head whose status is the work of the endpoint by the table of endings, and at no other', () => {
    for (const status of ['200', '404', '499', '500', '501', '502', '505', '599']) {
      const { outcome } = endingOfHttp(Number(status));
      const expected = outcome === 'success' ? ['answered', 'success'] : [outcome];
      const rig = callRig();
      const told = listen(rig);
      rig.call(httpHead());
      const { receiver } = rig.pools[0].streams[0];
      receiver!.head(HeaderBlock.of([':status', status]), false);
      expect(told, `${status}, at its head`).to.deep.equal(expected.slice(0, -1));
      receiver!.data(Buffer.from('busy'), 0, 4, true);
      expect(told, status).to.deep.equal(expected);
    }
  });

  it('behind a retry policy takes as long too', () => {
    const attemptPolicy = retryPolicy();
    const rig = callRig({ attemptPolicy });
    const took: number[] = [];
    const estimator = { answered: (_: unknown, tookMs: number) => void took.push(tookMs), failed: () => {} };
    Object.assign(rig.cluster, { estimator });
    const client = rig.call(grpcHead(), false);
    rig.clock.advance(60_000);
    send(client, 'end', true);
    rig.clock.advance(7);
    answer(rig.order[0]);
    expect(took).to.deep.equal([7]);
    expectAttemptsOver(rig, attemptPolicy);
  });

  it('takes as long as the endpoint does, and not as its client does to send the request', () => {
    const rig = callRig();
    const took: number[] = [];
    const estimator = {
      answered: (_: unknown, tookMs: number) => void took.push(tookMs),
      failed: () => {},
    };
    Object.assign(rig.cluster, { estimator });
    const stalled = rig.call(grpcHead(), false);
    send(stalled, 'begin');
    rig.clock.advance(60_000);
    send(stalled, 'end', true);
    rig.clock.advance(7);
    rig.order[0].receiver!.head(replyHead(), false);
    const silent = rig.call(grpcHead(), false);
    rig.clock.advance(30_000);
    silent.receiver!.trailers(HeaderBlock.of(['x-end', '1']));
    rig.clock.advance(3);
    rig.order[1].receiver!.head(replyHead(), false);
    rig.call(grpcHead());
    rig.clock.advance(20);
    rig.order[2].receiver!.head(replyHead(), false);
    expect(took).to.deep.equal([7, 3, 20]);
    for (const stream of rig.order) stream.receiver!.trailers(HeaderBlock.of(['grpc-status', '0']));
  });
});
