import { expect } from 'chai';
import fc from 'fast-check';
import { RetryBudget } from '../../../../src/call/dispatch/retry-budget.ts';

describe('call/dispatch/retry-budget', () => {
  it('never lets more be in flight than its part of the calls, or its minimum', () => {
    const step = fc.constantFrom('call', 'end', 'take', 'give');
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.nat(100), fc.nat(5), (steps, percent, min) => {
        const budget = new RetryBudget({ percent, min });
        for (const what of steps) {
          if (what === 'call') budget.calls++;
          else if (what === 'end' && budget.calls > 0) budget.calls--;
          else if (what === 'give' && budget.retries > 0) budget.give();
          else if (what === 'take') {
            const before = budget.retries;
            const allowed = before + 1 <= Math.max(min, (budget.calls * percent) / 100);
            expect(budget.take()).to.equal(allowed);
            expect(budget.retries).to.equal(before + Number(allowed));
          }
        }
      }),
    );
  });
});
