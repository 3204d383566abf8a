import { expect } from 'chai';
import { systemClock } from '../../../src/core/clock.ts';

function spinMs(forMs: number): void {
  const untilMs = performance.now() + forMs;
  while (performance.now() < untilMs);
}

describe('core/clock', () => {
  it('stands still while it is held, nested or not, and goes on where time is by then', () => {
    const beforeMs = systemClock.now();
    const heldMs = systemClock.hold();
    try {
      expect(heldMs).to.be.at.least(beforeMs);
      const wallMs = systemClock.wallMs();
      spinMs(3);
      expect(systemClock.hold()).to.equal(heldMs);
      systemClock.release();
      expect(systemClock.now()).to.equal(heldMs);
      expect(systemClock.wallMs()).to.equal(wallMs);
    } finally {
      systemClock.release();
    }
    expect(systemClock.now()).to.be.at.least(heldMs + 3);
  });

  it('returns a new moment, and the wall time of it, each time it is held', () => {
    const moments = [0, 1].map(() => {
      const atMs = systemClock.hold();
      const wallMs = systemClock.wallMs();
      systemClock.release();
      spinMs(3);
      return { atMs, wallMs };
    });
    expect(moments[1].atMs - moments[0].atMs).to.be.at.least(3);
    expect(moments[1].wallMs).to.be.greaterThan(moments[0].wallMs);
  });
});
