import { expect } from 'chai';
import { VirtualClock } from '../../../../src/core/clock.ts';
import type { Raw } from '../../../../src/schema/scalar-type.ts';
import { stagesOf } from '../../../support/policies.ts';
import { minimal, problemsOf } from '../../config/support.ts';

const ratioOf = (sampling: Raw) => {
  const [stage] = stagesOf({ sampling }, { clock: new VirtualClock() });
  return stage.telemetry?.samplingRatio;
};
const problems = (text: string) => problemsOf(minimal({ route: `, sampling: ${text}` }));

describe('policies/sampling', () => {
  it('is a ratio, or none for no trace', () => {
    expect([ratioOf({ ratio: 0.25 }), ratioOf({ ratio: 1 }), ratioOf('none')]).to.deep.equal([0.25, 1, 0]);
  });

  it('refuses a ratio that is none, and a mapping without one', () => {
    expect(problems('{ ratio: 50 }')[0]).to.include(
      'sampling.ratio: 50 is above 1; write a number from 0 to 1',
    );
    expect(problems('{}')[0]).to.match(/sampling\.ratio: is missing/);
    expect(problems('none')).to.deep.equal([]);
  });
});
