import { expect } from 'chai';
import type { Attempt } from '../../../src/call/attempt.ts';
import {
  endAtDeadline,
  endingOfFailure,
  endingOfOpenFailure,
  endingOfReply,
  fairTimeMs,
} from '../../../src/call/attempt-endings.ts';
import type { AttemptPolicy } from '../../../src/call/dispatch/attempt-policy.ts';
import { RetryBudget } from '../../../src/call/dispatch/retry-budget.ts';
import { compileRetryConditions } from '../../../src/call/dispatch/retry-conditions.ts';
import { endings } from '../../../src/core/ending.ts';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { Endpoint } from '../../../src/upstream/endpoint.ts';
import { answer, expectAttemptsOver, sayTrailersOnly } from './attempt-policies.ts';
import { callRig, expectOver, failure, grpcHead, httpHead, replyHead, send } from './call-rig.ts';

/** What is counted of an endpoint. */
const counts = ({ success, error, other, unclear, phantomLoad }: Endpoint) => ({
  success,
  error,
  other,
  unclear,
  phantomLoad,
});
const none = { success: 0, error: 0, other: 0, unclear: 0, phantomLoad: 0 };

const always = (value: number) => ({ next: () => value }) as unknown as AttemptPolicy['random'];
function plan(
  kind: 'retry' | 'hedge',
  more: { perTryTimeoutMs?: number; attemptsMax?: number } = {},
): AttemptPolicy {
  const conditions = compileRetryConditions(['unavailable', 'reset', 'connect-failure']);
  const { perTryTimeoutMs = Number.POSITIVE_INFINITY, attemptsMax = 3 } = more;
  const limits = {
    attemptsMax,
    headHoldMs: 50,
    budget: new RetryBudget({ percent: 20, min: 10 }),
    random: always(1),
  };
  return kind === 'retry'
    ? { ...limits, kind, on: conditions, perTryTimeoutMs, backoff: { baseMs: 25, maxMs: 250 } }
    : { ...limits, kind, nonFatal: conditions, delayMs: 100 };
}

describe('how an attempt ended', () => {
  it('is judged by its gRPC status, or by the HTTP status of a reply that is no gRPC', () => {
    const of = (grpc: boolean, http: number, code: number, ...fields: string[]) => {
      const pairs = fields.map((value) => ['grpc-status', value] as const);
      return endingOfReply(grpc, http, code, HeaderBlock.of([':status', String(http)], ...pairs));
    };
    expect(of(true, 200, 5, '5')).to.equal(endings.rejected);
    expect(of(true, 200, 13, '13')).to.equal(endings.internal);
    expect(of(true, 200, 2, '2')).to.equal(endings.unknown);
    expect(of(true, 431, 13), 'a server that refuses the head').to.equal(endings.rejected);
    expect(of(true, 400, 13), 'one that does not understand it').to.equal(endings.rejected);
    expect(of(true, 503, 14)).to.equal(endings.unavailable);
    expect(of(false, 404, -1)).to.equal(endings.rejected);
  });

  it('breaks the protocol where it has neither', () => {
    for (const status of [200, 204, 302])
      expect(endingOfReply(true, status, 2, HeaderBlock.of([':status', String(status)]))).to.equal(
        endings.malformedReply,
      );
    expect(endingOfReply(true, 200, 2, null), 'ended by its data').to.equal(endings.malformedReply);
  });

  it("is the endpoint's own failure only where a request cannot have caused it", () => {
    const of = (kind: Parameters<typeof failure>[0], code = 0) => endingOfFailure(failure(kind, code), true);
    expect(of('closed'), 'without a GOAWAY').to.equal(endings.connectionEnded);
    expect(of('closed', ErrorCode.ENHANCE_YOUR_CALM), 'after a GOAWAY').to.equal(endings.connectionEnded);
    expect(of('closed', ErrorCode.STREAM_CLOSED), 'in HTTP/1.1').to.equal(endings.connectionEnded);
    expect(of('unsent', ErrorCode.CONNECT_ERROR)).to.equal(endings.connectFailed);
    expect(of('unsent')).to.equal(endings.notProcessed);
    expect(of('refused', ErrorCode.REFUSED_STREAM)).to.equal(endings.notProcessed);
    for (const code of [ErrorCode.PROTOCOL_ERROR, ErrorCode.INTERNAL_ERROR])
      expect(of('reset', code)).to.equal(endings.reset);
    for (const code of [ErrorCode.CANCEL, ErrorCode.ENHANCE_YOUR_CALM]) {
      expect(of('reset', code), 'CANCELLED, RESOURCE_EXHAUSTED').to.equal(endings.resetAsRejected);
      expect(endingOfFailure(failure('reset', code), false), 'HTTP 502').to.equal(endings.reset);
    }
    expect(of('protocol', ErrorCode.PROTOCOL_ERROR)).to.equal(endings.malformedReply);
    expect(of('unsendable')).to.equal(endings.unsendable);
    expect(of('internal')).to.equal(endings.terminated);
  });

  it('without a stream counts once for a connection that failed, however many calls waited for it', () => {
    const [endpoint] = callRig().endpoints;
    const refused = { code: 'connect_failed', message: 'it was refused' } as const;
    expect(endingOfOpenFailure(endpoint, refused)).to.equal(endings.connectFailed);
    expect(endingOfOpenFailure(endpoint, refused)).to.equal(endings.notProcessed);
    expect(endingOfOpenFailure(endpoint, { ...refused })).to.equal(endings.connectFailed);
    const full = { code: 'overloaded', message: 'the pool is full' } as const;
    for (let i = 0; i < 2; i++) expect(endingOfOpenFailure(endpoint, full)).to.equal(endings.overloaded);
  });

  describe('at a deadline', () => {
    it('is unclear where the endpoint had the whole request and some time', () => {
      const rig = callRig();
      rig.call(grpcHead(['grpc-timeout', '10m']));
      rig.clock.advance(10);
      expect(counts(rig.endpoints[0])).to.deep.equal({ ...none, error: 1, unclear: 1 });
      expect(rig.settled[0]).to.include({ endedBy: 'outrigger', grpcStatus: 4 });
      expect(rig.settled[0].attempts[0]).to.include({ error: 'deadline_exceeded', grpcStatus: 4 });
      expectOver(rig);
    });

    it("is the client's where it left no time to work", () => {
      const rig = callRig();
      rig.call(grpcHead(['grpc-timeout', '9m']));
      rig.clock.advance(9);
      expect(counts(rig.endpoints[0])).to.deep.equal({ ...none, other: 1 });
      expect(rig.settled[0]).to.include({ endedBy: 'client', grpcStatus: 4 });
      expectOver(rig);
    });

    it("is the client's as well where a busy process notices late that it passed", () => {
      for (const [timeoutMs, ending] of [
        [fairTimeMs - 1, endings.clientDeadline],
        [fairTimeMs, endings.timedOut],
      ] as const) {
        const attempt = { record: { startedMs: 0 }, cancel: () => {} } as unknown as Attempt;
        const request = { grpc: true, requestEnded: true, record: { requestBytes: 0 } };
        expect(endAtDeadline(attempt, request, false, timeoutMs, 500)).to.equal(ending);
      }
    });

    it('counts the time that the endpoint was given, also where its timer is the faster one', () => {
      const rig = callRig();
      rig.call(grpcHead(['grpc-timeout', `${fairTimeMs}m`]));
      rig.clock.advance(fairTimeMs - 1);
      rig.order[0].receiver!.failed(failure('reset', ErrorCode.CANCEL));
      expect(counts(rig.endpoints[0])).to.deep.equal({ ...none, error: 1, unclear: 1 });
      expect(rig.settled[0].endedBy).to.equal('outrigger');
      expectOver(rig);
    });

    it("is the client's where its request is not whole, also at the timeout of the route", () => {
      const rig = callRig({ timeoutMs: 1000 });
      const client = rig.call(httpHead('POST'), false);
      send(client, 'part');
      rig.order[0].receiver!.sent(4);
      rig.clock.advance(1000);
      expect(counts(rig.endpoints[0])).to.deep.equal({ ...none, other: 1 });
      expect(rig.settled[0].endedBy).to.equal('client');
      expectOver(rig);
    });

    it('is unclear where the endpoint does not take what the client has sent', () => {
      const rig = callRig();
      const client = rig.call(grpcHead(['grpc-timeout', '1S']), false);
      send(client, 'whole');
      rig.order[0].receiver!.sent(2);
      rig.clock.advance(1000);
      expect(counts(rig.endpoints[0])).to.deep.equal({ ...none, error: 1, unclear: 1 });
      expectOver(rig);
    });

    it('says nothing once the reply has begun: a stream ends when its client wants', () => {
      const rig = callRig();
      rig.call(grpcHead(['grpc-timeout', '1S']));
      rig.order[0].receiver!.head(replyHead(), false);
      rig.clock.advance(1000);
      expect(counts(rig.endpoints[0])).to.deep.equal({ ...none, other: 1 });
      expect(rig.settled[0].endedBy).to.equal('client');
      expectOver(rig);
    });

    it('that had passed when the call arrived is refused, and nobody is asked', () => {
      for (const timeout of ['0S', '1n', '999u']) {
        const rig = callRig();
        const client = rig.call(grpcHead(['grpc-timeout', timeout]));
        expect(client.heads[0].get('grpc-status')).to.equal('4');
        expect(client.heads[0].get('grpc-message')).to.contain(`had passed when the call arrived`);
        expect(rig.settled[0]).to.include({ endedBy: 'client' });
        expect(rig.settled[0].attempts).to.deep.equal([]);
        expect(rig.order).to.deep.equal([]);
        expectOver(rig);
      }
    });

    it('counts behind a hedge for each endpoint that runs', () => {
      const attemptPolicy = plan('hedge');
      const rig = callRig({ endpoints: 2, attemptPolicy });
      rig.call(grpcHead(['grpc-timeout', '150m']));
      rig.clock.advance(100);
      expect(rig.order).to.have.length(2);
      rig.clock.advance(50);
      for (const endpoint of rig.endpoints)
        expect(counts(endpoint)).to.deep.equal({ ...none, error: 1, unclear: 1 });
      for (const attempt of rig.settled[0].attempts)
        expect(attempt).to.include({ error: 'deadline_exceeded', grpcStatus: 4 });
      expectAttemptsOver(rig, attemptPolicy);
    });

    it('of one try counts where the endpoint had the whole request', () => {
      const attemptPolicy = plan('retry', { perTryTimeoutMs: 100 });
      const rig = callRig({ endpoints: 2, attemptPolicy });
      rig.call(grpcHead());
      const stalled = rig.call(grpcHead(), false);
      rig.clock.advance(100);
      const [first, second] = rig.endpoints.map(counts).toSorted((a, b) => a.unclear - b.unclear);
      expect(first, 'its client still sends').to.deep.equal({ ...none, other: 1 });
      expect(second).to.deep.equal({ ...none, error: 1, unclear: 1 });
      stalled.receiver!.failed(failure('reset', ErrorCode.CANCEL));
      rig.clock.advance(25);
      answer(rig.order.at(-1)!);
      expectAttemptsOver(rig, attemptPolicy, 2);
    });
  });

  it('a connection that an HTTP/1.1 endpoint does not take counts against it', () => {
    const rig = callRig({ protocol: 'http1' });
    rig.call(httpHead());
    rig.order[0].receiver!.failed(failure('unsent', ErrorCode.CONNECT_ERROR));
    rig.order[1].receiver!.failed(failure('unsent', ErrorCode.CONNECT_ERROR));
    expect(counts(rig.endpoints[0])).to.include({ error: rig.order.length, unclear: 0 });
    expect(rig.endpoints[0].phantomLoad).to.be.above(0);
  });

  it('a client that goes is counted as such for each attempt that runs', () => {
    const attemptPolicy = plan('hedge');
    const rig = callRig({ endpoints: 2, attemptPolicy });
    const client = rig.call(grpcHead());
    rig.clock.advance(100);
    client.receiver!.failed(failure('reset', ErrorCode.CANCEL));
    for (const endpoint of rig.endpoints) expect(counts(endpoint)).to.deep.equal({ ...none, other: 1 });
    expectAttemptsOver(rig, attemptPolicy);
  });
});

describe('what is refused before it is sent', () => {
  it('any method reaches an HTTP/1.1 cluster as it came', () => {
    const rig = callRig({ protocol: 'http1' });
    rig.call(httpHead('get'));
    expect(rig.order[0].said).to.deep.equal(['head get end']);
    rig.order[0].receiver!.head(replyHead(), true);
    expectOver(rig);
  });

  it('what the stream finds that it cannot say; the endpoint is not blamed and the body is not retried', () => {
    const rig = callRig({ endpoints: 2, protocol: 'http1' });
    const client = rig.call(httpHead('POST'), false);
    rig.order[0].receiver!.failed(failure('unsendable', ErrorCode.PROTOCOL_ERROR));
    expect(client.heads[0].status).to.equal(400);
    expect(client.heads[0].get('x-outrigger-error')).to.equal('protocol_error');
    expect(rig.endpoints.map(counts)).to.have.deep.members([none, { ...none, other: 1 }]);
    expect(rig.order).to.have.length(1);
    expectOver(rig);
  });

  const large = ['x-large', 'v'.repeat(1000)] as const;
  it('a head larger than the endpoint has said it takes (RFC 9113 10.5.1)', () => {
    for (const [limit, sent] of [
      [1000, false],
      [5000, true],
      [Number.POSITIVE_INFINITY, true],
    ] as const) {
      const rig = callRig();
      rig.pools[0].granted = (stream) => {
        rig.order.push(stream);
        Object.assign(stream, { headListBytesMax: limit });
      };
      const client = rig.call(grpcHead(large));
      if (sent) {
        expect(rig.order[0].said).to.deep.equal(['head POST end']);
        continue;
      }
      expect(rig.order[0].said).to.deep.equal(['reset CANCEL']);
      expect(client.heads[0].get('grpc-status')).to.equal('8');
      expect(client.heads[0].get('x-outrigger-error')).to.equal('header_too_large');
      expect(counts(rig.endpoints[0])).to.deep.equal({ ...none, other: 1 });
      expectOver(rig);
    }
  });

  it('trailers larger than that, with and without a retry policy', () => {
    for (const attemptPolicy of [undefined, plan('retry')]) {
      const rig = callRig({ attemptPolicy });
      rig.pools[0].granted = (stream) => {
        rig.order.push(stream);
        Object.assign(stream, { headListBytesMax: 1000 });
      };
      const client = rig.call(grpcHead(), false);
      client.receiver!.trailers(HeaderBlock.of(large));
      expect(rig.order[0].said).to.deep.equal(['head POST', 'reset CANCEL']);
      expect(client.heads[0].get('grpc-status')).to.equal('8');
      expect(counts(rig.endpoints[0])).to.deep.equal({ ...none, other: 1 });
      expectOver(rig);
    }
  });

  it('an empty authority is not sent: it becomes that of the endpoint (RFC 9113 8.3.1)', () => {
    const rig = callRig();
    rig.call(
      HeaderBlock.of([':method', 'GET'], [':scheme', 'http'], [':authority', ''], [':path', '/a.B/x']),
    );
    expect(rig.order[0].heads[0].all(':authority')).to.deep.equal(['10.0.0.1:1000']);
  });
});

describe('limits of a call, the second event', () => {
  it('the bytes of its replay buffer are free once its reply has begun, however long it lives', () => {
    const rig = callRig({ budgetBytes: 100_000 });
    const client = rig.call(grpcHead(), false);
    send(client, 'x'.repeat(60_000));
    expect(rig.context.replayBudget.take(60_000), 'all but 40,000 are in use').to.equal(false);
    rig.order[0].receiver!.head(replyHead(), false);
    expect(rig.context.replayBudget.take(100_000), 'and free again while the stream lives').to.equal(true);
    rig.context.replayBudget.give(100_000);
    send(client, 'more');
    expect(rig.order[0].said.at(-1)).to.equal('data 4');
    client.receiver!.failed(failure('reset', ErrorCode.CANCEL));
    expect(rig.context.replayBudget.take(100_000)).to.equal(true);
    rig.context.replayBudget.give(100_000);
    expectOver(rig);
  });

  it('the back-off begins again after a pushback (gRFC A6)', () => {
    const attemptPolicy = plan('retry', { attemptsMax: 5 });
    const rig = callRig({ attemptPolicy });
    rig.call(grpcHead());
    // The random draws are 1: each pause is its ceiling.
    const pauses: number[] = [];
    const nextAfter = (pushback: string | null): void => {
      const begun = rig.order.length;
      sayTrailersOnly(
        rig.order.at(-1)!,
        14,
        ...(pushback === null ? [] : [['grpc-retry-pushback-ms', pushback] as const]),
      );
      let ms = 0;
      for (; rig.order.length === begun && ms < 10_000; ms++) rig.clock.advance(1);
      pauses.push(ms);
    };
    for (const pushback of [null, null, '500', null]) nextAfter(pushback);
    expect(pauses).to.deep.equal([25, 50, 500, 25]);
    answer(rig.order.at(-1)!);
    expectAttemptsOver(rig, attemptPolicy);
  });
});
