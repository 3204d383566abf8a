import { expect } from 'chai';
import { planRoute } from '../../../src/call/route-plan.ts';
import { requestTraffic, type Stage } from '../../../src/call/stage.ts';
import type { RouteTelemetry } from '../../../src/telemetry/route-telemetry.ts';

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

  it('carries nothing where no policy sets anything', () => {
    expect(planRoute('hello', null, []).telemetry).to.equal(null);
  });
});
