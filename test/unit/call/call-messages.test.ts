import { expect } from 'chai';
import type { AttemptPolicy } from '../../../src/call/dispatch/attempt-policy.ts';
import { RetryBudget } from '../../../src/call/dispatch/retry-budget.ts';
import { compileRetryConditions } from '../../../src/call/dispatch/retry-conditions.ts';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { GrpcStatus } from '../../../src/core/grpc-status.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { noteReasonPhrase } from '../../../src/core/reason-phrase.ts';
import { answer, message, sayTrailersOnly, trailers } from './attempt-policies.ts';
import { callRig, failure, grpcHead, httpHead, replyHead } from './call-rig.ts';

const retries = (on: string[]): AttemptPolicy => ({
  kind: 'retry',
  on: compileRetryConditions(on),
  perTryTimeoutMs: 1000,
  backoff: { baseMs: 25, maxMs: 25 },
  attemptsMax: 3,
  headHoldMs: 50,
  budget: new RetryBudget({ percent: 100, min: 10 }),
  random: new SeededRandom(7),
});

describe('what an upstream says of its status', () => {
  const said = (rig: ReturnType<typeof callRig>): string[] =>
    rig.settled[0].attempts.map((attempt) => String(attempt.message));

  it('is remembered from trailers, and from a head that is all of the reply', () => {
    const behind = callRig();
    behind.call(grpcHead());
    behind.order[0].receiver!.head(replyHead(), false);
    behind.order[0].receiver!.data(message, 0, message.length, false);
    behind.order[0].receiver!.trailers(trailers(GrpcStatus.NOT_FOUND, ['grpc-message', 'no%20order%0A7']));
    expect(said(behind)).to.deep.equal(['no order\\n7']);
    const only = callRig();
    only.call(grpcHead());
    sayTrailersOnly(only.order[0], GrpcStatus.INTERNAL, ['grpc-message', 'boom']);
    expect(said(only)).to.deep.equal(['boom']);
  });

  it('is ignored where the status is OK', () => {
    const rig = callRig();
    rig.call(grpcHead());
    sayTrailersOnly(rig.order[0], GrpcStatus.OK, ['grpc-message', 'fine']);
    expect(said(rig)).to.deep.equal(['']);
  });

  it('is for a reply that is no gRPC reply', () => {
    const rig = callRig();
    rig.call(grpcHead());
    rig.order[0].receiver!.head(HeaderBlock.of([':status', '503'], ['content-type', 'text/html']), true);
    expect(said(rig)).to.deep.equal(['HTTP 503 without a grpc-status']);
  });

  it('is remembered of each attempt of a call that was retried', () => {
    const rig = callRig({ endpoints: 2, attemptPolicy: retries(['unavailable', 'reset']) });
    rig.call(grpcHead());
    sayTrailersOnly(rig.order[0], GrpcStatus.UNAVAILABLE, ['grpc-message', 'first']);
    rig.clock.advance(25);
    rig.order[1].receiver!.failed(failure('reset', ErrorCode.INTERNAL_ERROR));
    rig.clock.advance(25);
    sayTrailersOnly(rig.order[2], GrpcStatus.UNAVAILABLE, ['grpc-message', 'third']);
    const [, { endpoint }] = rig.settled[0].attempts;
    expect(said(rig)).to.deep.equal(['first', `endpoint ${endpoint} failed: it was reset`, 'third']);
    expect(rig.settled[0].detail).to.equal('');
  });

  it('is that of a status behind a head that was held back, and of an attempt that took too long', () => {
    const rig = callRig({ endpoints: 2, attemptPolicy: retries(['unavailable']) });
    rig.call(grpcHead());
    rig.order[0].receiver!.head(replyHead(), false);
    rig.order[0].receiver!.trailers(trailers(GrpcStatus.UNAVAILABLE, ['grpc-message', 'later']));
    rig.clock.advance(25);
    rig.clock.advance(1000);
    rig.clock.advance(25);
    answer(rig.order[2]);
    const [, { endpoint }] = rig.settled[0].attempts;
    expect(said(rig)).to.deep.equal([
      'later',
      `endpoint ${endpoint} did not start a reply within 1000 ms (perTryTimeout)`,
      '',
    ]);
  });

  it('is the sentence of the failure where a connection was unavailable', () => {
    const rig = callRig();
    rig.pools[0].atOnce = { code: 'connect_failed', message: 'connect ECONNREFUSED' };
    rig.call(grpcHead());
    expect(new Set(said(rig))).to.deep.equal(new Set(['connect ECONNREFUSED']));
  });

  it('of HTTP is a reason phrase that is not the usual one, else the code of another Outrigger', () => {
    const cases: Array<[HeaderBlock, string, string]> = [
      [HeaderBlock.of([':status', '503']), 'Shard 7 is moving', 'Shard 7 is moving'],
      [HeaderBlock.of([':status', '503']), 'Service Unavailable', ''],
      [HeaderBlock.of([':status', '503']), 'a\u0085b', 'a\\u0085b'],
      [
        HeaderBlock.of([':status', '404'], ['x-outrigger-error', 'no_route']),
        '',
        'x-outrigger-error: no_route',
      ],
      [HeaderBlock.of([':status', '200'], ['x-outrigger-error', 'x']), 'Fine', ''],
    ];
    for (const [head, phrase, expected] of cases) {
      const rig = callRig();
      rig.call(httpHead());
      noteReasonPhrase(head, phrase, 'Service Unavailable');
      rig.order[0].receiver!.head(head, true);
      expect(said(rig), phrase).to.deep.equal([expected]);
    }
  });
});
