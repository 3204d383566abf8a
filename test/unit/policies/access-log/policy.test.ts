import { expect } from 'chai';
import { VirtualClock } from '../../../../src/core/clock.ts';
import type { Raw } from '../../../../src/schema/scalar-type.ts';
import { stagesOf } from '../../../support/policies.ts';
import { minimal, problemsOf } from '../../config/support.ts';

const shareOf = (accessLog: Raw) => {
  const [stage] = stagesOf({ accessLog }, { clock: new VirtualClock() });
  return stage.telemetry?.accessLog;
};
const problems = (text: string) => problemsOf(minimal({ route: `, accessLog: ${text}` }));

describe('policies/access-log', () => {
  it('has errors in any case unless it says otherwise, and none at all with none', () => {
    expect(shareOf({ sample: 0.25 })).to.deep.equal({ sample: 0.25, errors: true });
    expect(shareOf({ sample: 1, errors: false })).to.deep.equal({ sample: 1, errors: false });
    expect(shareOf('none')).to.deep.equal({ sample: 0, errors: false });
  });

  it('refuses a share above 1, other words than none, and a mapping without a share', () => {
    expect(problems('{ sample: 2 }')[0]).to.include(
      'accessLog.sample: 2 is above 1; write a number from 0 to 1',
    );
    expect(problems('off')[0]).to.match(/accessLog: "off" is not a mapping; write none to turn it off/);
    expect(problems('{ errors: true }')[0]).to.match(/accessLog\.sample: is missing/);
    expect(problems('none')).to.deep.equal([]);
  });
});
