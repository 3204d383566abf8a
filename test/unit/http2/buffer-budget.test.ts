import { expect } from 'chai';
import { BufferBudget, leastShareBytes } from '../../../src/http2/buffer-budget.ts';

const bytesMax = 16 * 1_048_576;
const unlimited = Number.POSITIVE_INFINITY;

/** What a budget says when so many bytes are held. */
function at(bytes: number) {
  const budget = new BufferBudget(bytesMax);
  budget.add(bytes);
  const { filling, short, pressed, shareBytes } = budget;
  return { filling, short, pressed, shareBytes };
}

describe('http2/buffer-budget', () => {
  it('bounds nobody up to half of it, and stops windows from growing above an eighth', () => {
    const calm = { filling: false, short: false, pressed: false, shareBytes: unlimited };
    expect(at(0)).to.deep.equal(calm);
    expect(at(bytesMax / 8)).to.deep.equal(calm);
    expect(at(bytesMax / 8 + 1)).to.deep.equal({ ...calm, filling: true });
    expect(at(bytesMax / 2)).to.deep.equal({ ...calm, filling: true });
  });

  it('gives a connection a sixteenth above half of it, and the least once it is full', () => {
    const short = { filling: true, short: true, pressed: false };
    expect(at(bytesMax / 2 + 1)).to.deep.equal({ ...short, shareBytes: bytesMax / 16 });
    expect(at(bytesMax - 1)).to.deep.equal({ ...short, shareBytes: bytesMax / 16 });
    expect(at(bytesMax)).to.deep.equal({ ...short, shareBytes: leastShareBytes });
  });

  it('gives a connection the least at the least, however small it is', () => {
    const budget = new BufferBudget(1000);
    budget.add(501);
    expect(budget.shareBytes).to.equal(leastShareBytes);
  });

  it('bounds nobody any more once bytes were given back', () => {
    const budget = new BufferBudget(bytesMax);
    budget.add(bytesMax);
    budget.add(-bytesMax / 2);
    expect(budget.bytes).to.equal(bytesMax / 2);
    expect([budget.short, budget.shareBytes]).to.deep.equal([false, unlimited]);
    budget.add(-bytesMax / 2);
    expect([budget.bytes, budget.filling]).to.deep.equal([0, false]);
  });

  it('gives everyone the least while memory is short, and is as before afterwards', () => {
    for (const bytes of [0, bytesMax / 2, bytesMax / 2 + 1]) {
      const budget = new BufferBudget(bytesMax);
      budget.add(bytes);
      budget.press(true);
      expect([budget.filling, budget.short, budget.pressed]).to.deep.equal([true, true, true]);
      expect([budget.bytes, budget.shareBytes]).to.deep.equal([bytes, leastShareBytes]);
      budget.press(false);
      const { filling, short, pressed, shareBytes } = budget;
      expect({ filling, short, pressed, shareBytes }).to.deep.equal(at(bytes));
    }
  });
});
