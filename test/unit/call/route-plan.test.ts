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

  it('carries nothing where no policy sets anything', () => {
    expect(planRoute('hello', null, []).telemetry).to.equal(null);
  });
});
