import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { repeat } from '../../../src/core/repeat.ts';

describe('core/repeat', () => {
  it('calls back at its times, the first of which may be another, until it is cancelled', () => {
    const clock = new VirtualClock();
    const atMs: number[] = [];
    const timer = repeat(clock, 100, () => atMs.push(clock.now()), 30);
    clock.advance(330);
    expect(atMs).to.deep.equal([30, 130, 230, 330]);
    timer.cancel();
    clock.advance(1000);
    expect(atMs).to.have.length(4);
    expect(clock.pending).to.equal(0);
  });

  it('may be cancelled by what it calls', () => {
    const clock = new VirtualClock();
    let calls = 0;
    const timer = repeat(clock, 100, () => {
      calls++;
      timer.cancel();
    });
    clock.advance(1000);
    expect(calls).to.equal(1);
    expect(clock.pending).to.equal(0);
  });

  it('goes on after a call that threw', () => {
    const clock = new VirtualClock();
    let calls = 0;
    const timer = repeat(clock, 100, () => {
      calls++;
      throw new Error('a bug');
    });
    for (let i = 0; i < 2; i++) expect(() => clock.advance(100)).to.throw('a bug');
    expect(calls).to.equal(2);
    timer.cancel();
  });
});
