import { expect } from 'chai';
import { Call } from '../../../src/call/call.ts';
import { planRoute } from '../../../src/call/route-plan.ts';
import { allTraffic, type DirectReply, type RequestView, type Stage } from '../../../src/call/stage.ts';
import { ErrorCode } from '../../../src/core/error-code.ts';
import { Field } from '../../../src/core/field.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { ReplyError } from '../../../src/core/reply-error.ts';
import { compileRoutes } from '../../../src/routing/router.ts';
import type { RouteTelemetry } from '../../../src/telemetry/route-telemetry.ts';
import type { Telemetry } from '../../../src/telemetry/telemetry.ts';
import { noTrace } from '../../../src/telemetry/tracing.ts';
import { answer, message, retryPolicy, sayTrailersOnly, trailers } from './attempt-policies.ts';
import {
  type CallRig,
  callRig,
  delayingStage,
  expectOver,
  FakeStream,
  failure,
  grpcHead,
  httpHead,
  replyHead,
} from './call-rig.ts';

const peer = { address: '127.0.0.9', port: 9 };
const broken: ReplyError = { code: 'policy_failed', detail: 'the stage broke', mayHaveProcessed: false };

/** A stage that does this with each request. */
function doing(act: (request: RequestView) => void): Stage {
  return {
    policy: 'doing',
    appliesTo: allTraffic,
    request(request) {
      act(request);
      return null;
    },
  };
}

/** Answers every request with this body. */
function replying(body: string | null): Stage {
  const reply: DirectReply = {
    head: HeaderBlock.of([':status', '418']),
    body: body === null ? null : Buffer.from(body),
  };
  return { policy: 'replying', appliesTo: allTraffic, request: () => ({ kind: 'reply', reply }) };
}

/** Fails at the head of every reply of an endpoint. */
const failingAtHead: Stage = {
  policy: 'failing',
  appliesTo: allTraffic,
  reply: (_request, head, endpoint) => (endpoint === null ? head : broken),
};

describe('what the stages of a route see of a call', () => {
  it('is its client, its kind, and whether more of it follows', () => {
    const seen: unknown[] = [];
    const look = doing(({ traffic, peer, requestEnded, forwardsClient }) => {
      seen.push([traffic, peer, requestEnded, forwardsClient]);
    });
    const rig = callRig({ stages: [look] });
    rig.call(grpcHead(), false);
    rig.call(httpHead());
    expect(seen).to.deep.equal([
      ['grpc', peer, false, true],
      ['http', peer, true, true],
    ]);
  });

  it('is the trace context for the messages that they send', () => {
    const own = new Field('traceparent', '00-1-2-01');
    const seen: unknown[] = [];
    const rig = callRig({ stages: [doing((request) => seen.push(request.traceContext()))] });
    const trace = { ...noTrace, context: () => [own] };
    const telemetry = { ...rig.context.telemetry, begin: () => trace } as Telemetry;
    const context = { ...rig.context, telemetry };
    new Call(context, new FakeStream(), peer, grpcHead(), true).start();
    expect(seen).to.deep.equal([[own]]);
  });

  it('changes the head that endpoints get', () => {
    const changing = doing((request) =>
      request.useHead(new HeaderBlock([...request.outgoing.allFields, new Field('x-added', 'yes')])),
    );
    const rig = callRig({ stages: [changing] });
    rig.call(grpcHead());
    expect(rig.order[0].heads[0].get('x-added')).to.equal('yes');
    answer(rig.order[0]);
    expectOver(rig);
  });
});

describe('the telemetry settings of a route', () => {
  it('are known as a call begins and as it settles, and are null where it has no route', () => {
    const rig = callRig();
    const seen: Array<RouteTelemetry | null> = [];
    const telemetry = {
      ...rig.context.telemetry,
      begin: (_head, _record, route) => {
        seen.push(route);
        return noTrace;
      },
      settled: (_record, _trace, route) => void seen.push(route),
    } as Telemetry;
    const settings: RouteTelemetry = { samplingRatio: 0.5 };
    const sampling: Stage = { policy: 'sampling', appliesTo: allTraffic, telemetry: settings };
    const plan = planRoute('hello', rig.cluster, [sampling]);
    const router = compileRoutes([{ name: 'hello', match: { pathPrefix: '/a.B' }, plan }]);
    const context = { ...rig.context, telemetry, router };
    new Call(context, new FakeStream(), peer, grpcHead(), true).start();
    answer(rig.order[0]);
    expect(seen.splice(0)).to.deep.equal([settings, settings]);
    new Call(context, new FakeStream(), peer, httpHead('GET', '/other'), true).start();
    expect(seen).to.deep.equal([null, null]);
  });
});

describe('a call that a stage delays', () => {
  it('begins its attempt when the delay is over', () => {
    const { stage, resume } = delayingStage();
    const rig = callRig({ stages: [stage] });
    rig.call(grpcHead());
    rig.clock.advance(70);
    resume(null);
    rig.clock.advance(5);
    answer(rig.order[0]);
    const [{ startedMs, attempts }] = rig.settled;
    expect(attempts[0].startedMs - startedMs).to.equal(70);
    expect(attempts[0].endedMs - attempts[0].startedMs).to.equal(5);
    expectOver(rig);
  });

  it('takes the delay back where its client leaves, its deadline passes or the process ends', () => {
    const ends: ReadonlyArray<readonly [string, (rig: CallRig, client: FakeStream) => void]> = [
      ['client', (_rig, client) => client.receiver!.failed(failure('reset', ErrorCode.CANCEL))],
      ['outrigger', (rig) => rig.clock.advance(100)],
      ['outrigger', (rig) => rig.context.calls.abortAll()],
    ];
    for (const [endedBy, end] of ends) {
      const delaying = delayingStage();
      const rig = callRig({ stages: [delaying.stage], timeoutMs: 100 });
      const client = rig.call(grpcHead());
      end(rig, client);
      expect(delaying.cancelled).to.equal(1);
      expect(rig.settled[0].endedBy).to.equal(endedBy);
      const { said } = client;
      const before = [...said];
      for (const late of [null, { kind: 'error', error: broken }] as const) delaying.resume(late);
      delaying.resume({ kind: 'reply', reply: { head: HeaderBlock.of([':status', '204']), body: null } });
      expect(said, 'a stage that goes on all the same').to.deep.equal(before);
      expect(rig.order).to.deep.equal([]);
      expectOver(rig);
    }
  });

  it('has nothing to take back once the delay is over', () => {
    const delaying = delayingStage();
    const rig = callRig({ stages: [delaying.stage] });
    rig.call(grpcHead());
    delaying.resume(null);
    answer(rig.order[0]);
    expect(delaying.cancelled).to.equal(0);
    expectOver(rig);
  });

  it('may reach the clusters of its route, and then the one that it goes to alone', () => {
    const { stage, resume } = delayingStage();
    const choosing = doing((request) => request.useCluster(rig.others[0].cluster));
    const rig: CallRig = callRig({ others: ['chosen', 'other'] });
    const [chosen, other] = rig.others.map(({ cluster }) => cluster);
    const plan = planRoute('hello', rig.cluster, [stage, choosing], new Set([chosen]));
    const router = compileRoutes([{ name: 'hello', match: { pathPrefix: '/a.B' }, plan }]);
    const context = { ...rig.context, router };
    const { calls } = context;
    const reached = () => [rig.cluster, chosen, other].map((cluster) => calls.anyMayReach(cluster));
    new Call(context, new FakeStream(), peer, grpcHead(), true).start();
    expect(reached()).to.deep.equal([true, true, false]);
    resume(null);
    expect(reached()).to.deep.equal([false, true, false]);
    answer(rig.others[0].order[0]);
    expect(reached()).to.deep.equal([false, false, false]);
    const lost = new Call(context, new FakeStream(), peer, httpHead('GET', '/other'), true);
    expect(lost.mayReach(rig.cluster), 'without a route').to.equal(false);
  });
});

describe('a reply that a stage gives', () => {
  it('is on record, and has its body, except for HEAD', () => {
    for (const [method, body, said] of [
      ['GET', 'teapot', ['head 418', 'data 6 last']],
      ['GET', '.', ['head 418', 'data 1 last']],
      ['GET', '', ['head 418 end']],
      ['GET', null, ['head 418 end']],
      ['HEAD', 'teapot', ['head 418 end']],
    ] as const) {
      const rig = callRig({ stages: [replying(body)] });
      const client = rig.call(httpHead(method));
      expect(client.said).to.deep.equal(said);
      expect(rig.settled[0]).to.include({ httpStatus: 418, endedBy: 'outrigger', error: '' });
      expectOver(rig);
    }
  });
});

describe('the status on record', () => {
  it('of a reply that a stage gives is its gRPC status for a gRPC call, and none for a web request', () => {
    const head = HeaderBlock.of([':status', '200'], ['grpc-status', '7']);
    const denying: Stage = {
      policy: 'denying',
      appliesTo: allTraffic,
      request: () => ({ kind: 'reply', reply: { head, body: null } }),
    };
    const rig = callRig({ stages: [denying] });
    rig.call(grpcHead());
    rig.call(httpHead());
    const told = rig.settled.map(({ httpStatus, grpcStatus }) => [httpStatus, grpcStatus]);
    expect(told).to.deep.equal([
      [200, 7],
      [200, -1],
    ]);
    expectOver(rig, 2);
  });

  it('of an error is 200 with a gRPC status for a gRPC call, and an HTTP status for a web request', () => {
    const rig = callRig({ memoryHigh: true });
    rig.call(grpcHead());
    rig.call(httpHead());
    const told = rig.settled.map(({ httpStatus, grpcStatus }) => [httpStatus, grpcStatus]);
    expect(told).to.deep.equal([
      [200, 14],
      [503, -1],
    ]);
    expectOver(rig, 2);
  });
});

describe('a stage that fails at the head of a reply', () => {
  it('ends the call once: what follows that head is not relayed', () => {
    for (const relay of [
      (stream: FakeStream) => sayTrailersOnly(stream, 5),
      answer,
      ({ receiver }: FakeStream) => {
        receiver!.head(replyHead(), false);
        receiver!.trailers(trailers(5));
      },
    ])
      for (const attemptPolicy of [undefined, retryPolicy()]) {
        const rig = callRig({ stages: [failingAtHead], attemptPolicy });
        const client = rig.call(grpcHead());
        const { receiver } = rig.order[0];
        relay({ receiver } as FakeStream);
        expect(client.said).to.deep.equal(['head 200 end']);
        expect(client.heads[0].get('x-outrigger-error')).to.equal('policy_failed');
        expect(rig.settled[0]).to.include({ grpcStatus: 13, error: 'policy_failed', responseBytes: 0 });
        expectOver(rig);
      }
  });

  it('ends a web request in the same way', () => {
    const rig = callRig({ stages: [failingAtHead] });
    const client = rig.call(httpHead());
    const { receiver } = rig.order[0];
    receiver!.head(replyHead('200'), false);
    receiver!.data(message, 0, message.length, true);
    expect(client.heads.map(({ status }) => status)).to.deep.equal([500]);
    expect(rig.settled[0]).to.include({ httpStatus: 500, error: 'policy_failed', responseBytes: 0 });
    expectOver(rig);
  });
});
