import { expect } from 'chai';
import fc from 'fast-check';
import { systemClock } from '../../../src/core/clock.ts';
import { WallTime } from '../../../src/core/wall-time.ts';

/** A machine whose clocks a test moves. */
class Machine {
  monotonicMs = 5000;
  private originMs = 1_700_000_000_000.25;

  get wallMs(): number {
    return this.originMs + this.monotonicMs;
  }
  set(byMs: number): void {
    this.originMs += byMs;
  }
  pass(ms: number, slew = 0): void {
    this.monotonicMs += ms;
    this.originMs += ms * slew;
  }
  readonly wallTime = (errorMs = 0): WallTime =>
    new WallTime(
      this.wallMs - this.monotonicMs + errorMs,
      () => this.monotonicMs,
      () => Math.floor(this.wallMs),
    );
}

describe('core/wall-time', () => {
  it('has the fractions that the monotonic clock has', () => {
    const machine = new Machine();
    const wallTime = machine.wallTime();
    for (let i = 0; i < 1000; i++) {
      machine.pass(0.37);
      expect(wallTime.at(machine.monotonicMs)).to.be.closeTo(machine.wallMs, 0.01);
    }
  });

  it('is never a millisecond off after a check, wherever it began and however the system slews its clock', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: -0.0005, max: 0.0005, noNaN: true }),
        fc.array(fc.double({ min: 100, max: 500, noNaN: true }), { minLength: 1, maxLength: 50 }),
        (errorMs, slew, steps) => {
          const machine = new Machine();
          const wallTime = machine.wallTime(errorMs);
          for (const step of steps) {
            machine.pass(step, slew);
            expect(wallTime.at(machine.monotonicMs) - machine.wallMs).to.be.within(-1.001, 1.001);
          }
        },
      ),
    );
  });

  it('comes closer with every check that has something to correct', () => {
    const machine = new Machine();
    const wallTime = machine.wallTime(0.9);
    for (let i = 0; i < 300; i++) {
      machine.pass(100.13);
      wallTime.at(machine.monotonicMs);
    }
    expect(wallTime.at(machine.monotonicMs)).to.be.closeTo(machine.wallMs, 0.05);
  });

  it('follows a system clock that was set, within 100 ms', () => {
    const machine = new Machine();
    const wallTime = machine.wallTime();
    wallTime.at(machine.monotonicMs);
    machine.set(-3_600_000);
    machine.pass(100);
    expect(wallTime.at(machine.monotonicMs)).to.be.closeTo(machine.wallMs, 1);
  });

  it('is what the system clock tells', () => {
    const beforeMs = Date.now();
    const wallMs = systemClock.wallMs();
    expect(wallMs).to.be.within(beforeMs - 1, Date.now() + 1);
    const fractions = Array.from({ length: 20 }, () => {
      const untilMs = performance.now() + 0.05;
      while (performance.now() < untilMs);
      return systemClock.wallMs() % 1;
    });
    expect(new Set(fractions).size).to.be.greaterThan(10);
  });
});
