import { expect } from 'chai';
import { Call } from '../../../src/call/call.ts';
import type { ProxyContext } from '../../../src/call/plan.ts';
import { planRoute, type RoutePlan } from '../../../src/call/route-plan.ts';
import { allTraffic, replyTraffic, type Stage, type Verdict } from '../../../src/call/stage.ts';
import { Field } from '../../../src/core/field.ts';
import { decodeGrpcMessage } from '../../../src/core/grpc-message.ts';
import { HeaderBlock } from '../../../src/core/header-block.ts';
import type { ReplyError } from '../../../src/core/reply-error.ts';
import { compileRoutes } from '../../../src/routing/router.ts';
import { answer, sayTrailersOnly } from './attempt-policies.ts';
import {
  type CallRig,
  callRig,
  delayingStage,
  expectOver,
  FakeStream,
  grpcHead,
  httpHead,
  replyHead,
} from './call-rig.ts';

const broken: ReplyError = { code: 'policy_failed', detail: 'the stage broke', mayHaveProcessed: false };

/** A call of a route that has this plan. */
function callOf(rig: CallRig, plan: RoutePlan, head = grpcHead()): FakeStream {
  const router = compileRoutes([{ name: plan.route, match: { pathPrefix: '/a.B' }, plan }]);
  const context: ProxyContext = { ...rig.context, router };
  const client = new FakeStream();
  new Call(context, client, { address: '127.0.0.9', port: 9 }, head, true).start();
  return client;
}

/** A stage that writes down that it was asked, and decides `verdict`. */
function asked(name: string, log: string[], verdict: Verdict = null): Stage {
  return {
    policy: name,
    appliesTo: allTraffic,
    request() {
      log.push(name);
      return verdict;
    },
  };
}

/** Adds a field to whatever passes: `x-attempt`, `x-head` and `x-trailer`, each with the name of the stage. */
function signing(name: string): Stage {
  const signed = (block: HeaderBlock, field: string) =>
    new HeaderBlock([...block.allFields, new Field(field, name)]);
  return {
    policy: name,
    appliesTo: replyTraffic,
    attempt: (_request, head) => signed(head, 'x-attempt'),
    reply: (_request, head, endpoint) => signed(head, endpoint === null ? 'x-own-head' : 'x-head'),
    trailers: (_request, trailers, endpoint) =>
      signed(trailers, endpoint === null ? 'x-own-trailer' : 'x-trailer'),
  };
}

const errorOf = (client: FakeStream): string | undefined => client.heads[0]?.get('x-outrigger-error');

describe('the pipeline of a request', () => {
  it('asks the stages in the order of the list, up to the one that decides', () => {
    for (const [verdict, error] of [
      [null, undefined],
      [{ kind: 'error', error: broken }, 'policy_failed'],
      [{ kind: 'reply', reply: { head: HeaderBlock.of([':status', '204']), body: null } }, undefined],
    ] as const) {
      const log: string[] = [];
      const rig = callRig({ stages: [asked('1', log), asked('2', log, verdict), asked('3', log)] });
      const client = rig.call(grpcHead());
      expect(log).to.deep.equal(verdict === null ? ['1', '2', '3'] : ['1', '2']);
      expect(errorOf(client)).to.equal(error);
      expect(client.said.length > 0).to.equal(verdict !== null);
      expect(rig.order).to.have.length(verdict === null ? 1 : 0);
      if (verdict === null) answer(rig.order[0]);
      expect(rig.settled[0].endedBy).to.equal(verdict === null ? 'upstream' : 'outrigger');
      expectOver(rig);
    }
  });

  it('goes on with the next stage after a delay', () => {
    const log: string[] = [];
    const delaying = delayingStage();
    const rig = callRig({ stages: [asked('1', log), delaying.stage, asked('2', log)] });
    rig.call(grpcHead());
    expect([log.length, rig.order.length]).to.deep.equal([1, 0]);
    delaying.resume(null);
    expect([log, rig.order.length]).to.deep.equal([['1', '2'], 1]);
    answer(rig.order[0]);
    expect(delaying.cancelled).to.equal(0);
    expectOver(rig);
  });

  it('takes what a stage decides after a delay: an error, a reply, another delay', () => {
    const log: string[] = [];
    const delaying = delayingStage();
    const rig = callRig({ stages: [delaying.stage, asked('later', log)] });
    const failed = rig.call(httpHead());
    delaying.resume({ kind: 'error', error: broken });
    expect(errorOf(failed)).to.equal('policy_failed');
    const replied = rig.call(httpHead());
    delaying.resume({ kind: 'reply', reply: { head: HeaderBlock.of([':status', '204']), body: null } });
    expect(replied.said).to.deep.equal(['head 204 end']);
    const delayed = rig.call(httpHead());
    let cancelled = 0;
    delaying.resume({ kind: 'wait', cancel: () => void cancelled++ });
    expect(delayed.said).to.deep.equal([]);
    delayed.receiver!.failed({ kind: 'closed', code: 0, message: 'it left' });
    expect(cancelled).to.equal(1);
    expect(log).to.deep.equal([]);
    expectOver(rig, 3);
  });

  it('passes stages that act on other traffic alone', () => {
    const log: string[] = [];
    const others: Stage = { ...asked('other', log), appliesTo: ['websocket', 'tcp'] };
    const rig = callRig({ stages: [others] });
    rig.call(grpcHead());
    answer(rig.order[0]);
    const mixed = callRig({ stages: [others, asked('all', log)] });
    mixed.call(httpHead());
    mixed.order[0].receiver!.head(replyHead('204'), true);
    expect(log).to.deep.equal(['all']);
    expectOver(rig);
    expectOver(mixed);
  });

  it('refuses a request before its stages where memory is short, and where no route matches', () => {
    const log: string[] = [];
    const short = callRig({ memoryHigh: true, stages: [asked('1', log)] });
    for (const head of [grpcHead(), httpHead()]) expect(errorOf(short.call(head))).to.equal('overloaded');
    const rig = callRig({ stages: [asked('1', log)] });
    expect(errorOf(rig.call(httpHead('GET', '/other')))).to.equal('no_route');
    expect(log).to.deep.equal([]);
    expect([...short.settled, ...rig.settled].map(({ endedBy }) => endedBy)).to.deep.equal(
      Array(3).fill('outrigger'),
    );
  });

  it('names the route that is missing, not the timeout, of a call that has neither', () => {
    const rig = callRig();
    const fields = grpcHead(['grpc-timeout', 'soon']).allFields.filter(({ name }) => name !== ':path');
    const client = rig.call(new HeaderBlock([new Field(':path', '/other/C'), ...fields]));
    expect(errorOf(client)).to.equal('no_route');
    expect(errorOf(rig.call(grpcHead(['grpc-timeout', 'soon'])))).to.equal('protocol_error');
    expectOver(rig, 2);
  });

  it('refuses a request for which no stage has chosen a cluster', () => {
    const rig = callRig({ others: ['canary'] });
    const client = callOf(rig, planRoute('blue', null, []));
    expect(errorOf(client)).to.equal('no_route');
    expect(rig.settled[0]).to.include({ cluster: '', endedBy: 'outrigger' });
    expect(rig.settled[0].detail).to.equal('route blue has no cluster, and none of its policies chose one');
    expect(decodeGrpcMessage(client.heads[0].get('grpc-message')!)).to.contain('did not process');
    const [{ cluster, order }] = rig.others;
    const choosing: Stage = {
      policy: 'choosing',
      appliesTo: allTraffic,
      request(request) {
        expect(request.cluster).to.equal(null);
        request.useCluster(cluster);
        return null;
      },
    };
    callOf(rig, planRoute('green', null, [choosing]));
    answer(order[0]);
    expect(rig.settled[1]).to.include({ cluster: 'canary', endedBy: 'upstream' });
    expectOver(rig, 2);
  });
});

describe('the stages of attempts and replies', () => {
  it('pass attempts in the order of the list, replies the other way round', () => {
    const rig = callRig({ stages: ['1', '2', '3'].map(signing) });
    const client = rig.call(grpcHead());
    answer(rig.order[0]);
    expect(rig.order[0].heads[0].all('x-attempt')).to.deep.equal(['1', '2', '3']);
    expect(client.heads[0].all('x-head')).to.deep.equal(['3', '2', '1']);
    expect(client.trailersBlock!.all('x-trailer')).to.deep.equal(['3', '2', '1']);
    expectOver(rig);
  });

  it('pass replies of Outrigger itself the other way round as well', () => {
    const rig = callRig({ stages: ['1', '2', '3'].map(signing) });
    const refused = rig.call(grpcHead());
    rig.context.calls.abortAll();
    expect(refused.heads[0].all('x-own-head')).to.deep.equal(['3', '2', '1']);
    const relayed = rig.call(grpcHead());
    rig.order[1].receiver!.head(replyHead(), false);
    rig.context.calls.abortAll();
    expect(relayed.trailersBlock!.all('x-own-trailer')).to.deep.equal(['3', '2', '1']);
    expect(relayed.trailersBlock!.get('x-outrigger-error')).to.equal('draining');
    expectOver(rig, 2);
  });

  it('end the request with an error where one of them fails at an attempt', () => {
    const failing: Stage = { policy: 'failing', appliesTo: allTraffic, attempt: () => broken };
    const rig = callRig({ stages: [signing('1'), failing, signing('2')] });
    const client = rig.call(grpcHead());
    expect(rig.order[0].said).to.deep.equal(['reset CANCEL']);
    expect(errorOf(client)).to.equal('policy_failed');
    expect(rig.endpoints[0]).to.include({ error: 0, other: 1 });
    expectOver(rig);
  });

  it('end the request with an error where one of them fails at the head of a reply', () => {
    const seen: string[] = [];
    const last: Stage = {
      policy: 'last',
      appliesTo: allTraffic,
      reply(_request, head, endpoint) {
        seen.push(endpoint === null ? 'own' : 'endpoint');
        return head;
      },
    };
    const failing: Stage = {
      policy: 'failing',
      appliesTo: allTraffic,
      reply: (_request, head, endpoint) => (endpoint === null ? head : broken),
    };
    const rig = callRig({ stages: [last, failing, signing('1')] });
    const client = rig.call(grpcHead());
    const { receiver } = rig.order[0];
    receiver!.head(replyHead(), false);
    expect(client.said).to.deep.equal(['head 200 end']);
    expect(errorOf(client)).to.equal('policy_failed');
    expect(client.heads[0].all('x-head')).to.deep.equal([]);
    expect(seen, 'the reply of the endpoint is over').to.deep.equal(['own']);
    expect(rig.order[0].said).to.deep.equal(['head POST end', 'reset CANCEL']);
    expectOver(rig);
  });

  it('end the request with an error where one of them fails at the trailers', () => {
    const failing: Stage = {
      policy: 'failing',
      appliesTo: allTraffic,
      trailers: (_request, trailers, endpoint) => (endpoint === null ? trailers : broken),
    };
    const rig = callRig({ stages: [signing('1'), failing, signing('2')] });
    const client = rig.call(grpcHead());
    answer(rig.order[0]);
    expect(client.said).to.deep.equal(['head 200', 'data 5', 'trailers']);
    expect(client.trailersBlock!.get('x-outrigger-error')).to.equal('policy_failed');
    expect(client.trailersBlock!.all('x-trailer')).to.deep.equal([]);
    expectOver(rig);
  });

  it('leave a reply of Outrigger itself as it is where they fail', () => {
    const failing: Stage = {
      policy: 'failing',
      appliesTo: allTraffic,
      reply: () => broken,
      trailers: () => broken,
    };
    const rig = callRig({ stages: [signing('1'), failing, signing('2')] });
    const refused = rig.call(grpcHead());
    rig.context.calls.abortAll();
    expect(errorOf(refused)).to.equal('draining');
    expect(refused.heads[0].all('x-own-head')).to.deep.equal(['2', '1']);
    expectOver(rig);
    const only = callRig({ stages: [{ ...failing, reply: undefined }, signing('1')] });
    const relayed = only.call(grpcHead());
    only.order[0].receiver!.head(replyHead(), false);
    only.context.calls.abortAll();
    expect(relayed.trailersBlock!.get('x-outrigger-error')).to.equal('draining');
    expect(relayed.trailersBlock!.all('x-own-trailer')).to.deep.equal(['1']);
    expectOver(only);
  });

  it('see no trailers of a reply that is a head alone', () => {
    const rig = callRig({ stages: [signing('1')] });
    const client = rig.call(grpcHead());
    sayTrailersOnly(rig.order[0], 5);
    expect(client.said).to.deep.equal(['head 200 end']);
    expect(client.heads[0].all('x-head')).to.deep.equal(['1']);
    expectOver(rig);
  });
});
