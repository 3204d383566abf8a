import { expect } from 'chai';
import { mayReach, planRoute } from '../../../src/call/route-plan.ts';
import { requestTraffic, type Stage } from '../../../src/call/stage.ts';
import type { RouteTelemetry } from '../../../src/telemetry/route-telemetry.ts';
import { callRig } from './call-rig.ts';

const stageWith = (telemetry: RouteTelemetry): Stage => ({
  policy: 'x',
  appliesTo: requestTraffic,
  telemetry,
});

describe('call/route-plan', () => {
  it('carries what its policies set for telemetry, together', () => {
    const accessLog = { sample: 0.5, errors: true };
    const plan = planRoute('hello', null, [stageWith({ accessLog }), stageWith({ samplingRatio: 0 })]);
    expect(plan.telemetry).to.deep.equal({ accessLog, samplingRatio: 0 });
    expect(plan.stages, 'no stage acts on single requests').to.equal(null);
  });

  it('leaves the forwarding of the client to HTTP/1.1 connections, unless a policy writes it', () => {
    const writes: Stage = { policy: 'x', appliesTo: requestTraffic, writesForwarded: true };
    const plans = [[], [stageWith({})], [stageWith({}), writes]].map((stages) =>
      planRoute('hello', null, stages),
    );
    expect(plans.map(({ forwardsClient }) => forwardsClient)).to.deep.equal([true, true, false]);
  });

  it('is frozen, with its lists of stages: the requests of a route share it', () => {
    const acting: Stage = { ...stageWith({ samplingRatio: 0 }), request: () => null };
    const plan = planRoute('hello', null, [acting]);
    const lists = plan.stages!.grpc!;
    expect(lists.request).to.deep.equal([acting]);
    for (const frozen of [plan, plan.stages, plan.telemetry, lists, ...Object.values(lists)])
      expect(Object.isFrozen(frozen)).to.equal(true);
    expect(() => Object.assign(plan, { timeoutMs: 1 })).to.throw(TypeError);
  });

  it('knows the stages that have facts, in their order, and asks for none', () => {
    const withFacts = (policy: string): Stage => ({
      policy,
      appliesTo: requestTraffic,
      facts: () => expect.fail('nobody has asked'),
    });
    const [first, second] = [withFacts('a'), withFacts('b')];
    const { factSources } = planRoute('hello', null, [first, stageWith({}), second]);
    expect(factSources).to.deep.equal([first, second]);
    expect(Object.isFrozen(factSources)).to.equal(true);
    expect(planRoute('hello', null, [stageWith({})]).factSources).to.equal(null);
  });

  it('carries nothing where no policy sets anything', () => {
    const acting: Stage = { policy: 'x', appliesTo: ['grpc'], request: () => null };
    for (const stages of [[], [acting]]) {
      const { telemetry, newDispatcher, timeoutMs } = planRoute('hello', null, stages);
      expect([telemetry, newDispatcher, timeoutMs]).to.deep.equal([null, null, Number.POSITIVE_INFINITY]);
    }
  });

  it('has the shortest of the times that its policies give a request', () => {
    const timed = [300, 100, 200].map((timeoutMs): Stage => ({ ...stageWith({}), timeoutMs }));
    expect(planRoute('hello', null, timed).timeoutMs).to.equal(100);
  });

  it('lists, for each kind of traffic, the stages that act on it by their hooks', () => {
    const request: Stage = { policy: 'a', appliesTo: ['grpc', 'http'], request: () => null };
    const reply: Stage = { policy: 'b', appliesTo: ['grpc'], reply: (_request, head) => head };
    const passive: Stage = { policy: 'c', appliesTo: ['websocket'], timeoutMs: 5 };
    const { stages } = planRoute('hello', null, [request, passive, reply]);
    const none = { request: [], attempt: [], reply: [], trailers: [] };
    expect(stages).to.deep.equal({
      grpc: { ...none, request: [request], reply: [reply] },
      http: { ...none, request: [request] },
      websocket: null,
      tcp: null,
      udp: null,
    });
  });

  it('may reach its own cluster and those that its stages may choose', () => {
    const [own, chosen, other] = [callRig(), callRig(), callRig()].map(({ cluster }) => cluster);
    const plan = planRoute('hello', own, [], new Set([chosen]));
    expect([own, chosen, other].map((cluster) => mayReach(plan, cluster))).to.deep.equal([true, true, false]);
    expect(mayReach(planRoute('hello', null, []), own)).to.equal(false);
  });
});
