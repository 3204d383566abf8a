import { expect } from 'chai';
import fc from 'fast-check';
import { VirtualClock } from '../../../src/core/clock.ts';
import { slottedDelayMaxMs, slottedDelayMinMs, TimerSlots } from '../../../src/core/timer-slots.ts';

const delay = fc.integer({ min: slottedDelayMinMs, max: slottedDelayMaxMs });

describe('core/timer-slots', () => {
  it('fires each timer when it is due, whenever it was started, and none that was cancelled before', () => {
    const timer = fc.record({
      startMs: fc.integer({ min: 0, max: 200_000 }),
      delayMs: delay,
      cancelAfterMs: fc.option(fc.integer({ min: 0, max: slottedDelayMaxMs })),
    });
    fc.assert(
      fc.property(fc.array(timer, { maxLength: 40 }), (timers) => {
        const clock = new VirtualClock();
        const slots = new TimerSlots(clock);
        const fired: Array<number | null> = timers.map(() => null);
        for (const [i, { startMs, delayMs, cancelAfterMs }] of timers.entries())
          clock.after(startMs, () => {
            const started = slots.after(delayMs, () => {
              expect(fired[i], 'fires once').to.equal(null);
              fired[i] = clock.now();
            });
            if (cancelAfterMs !== null) clock.after(cancelAfterMs, () => started.cancel());
          });
        clock.advance(400_000);
        for (const [i, { startMs, delayMs, cancelAfterMs }] of timers.entries()) {
          const dueMs = startMs + delayMs;
          // Both in the same millisecond may happen in either order.
          if (cancelAfterMs === delayMs) continue;
          const cancelled = cancelAfterMs !== null && cancelAfterMs < delayMs;
          expect(fired[i]).to.equal(cancelled ? null : dueMs);
        }
        expect(clock.pending, 'no timer is left').to.equal(0);
      }),
    );
  });

  it('keeps one timer for all that are due in the same half second, and none when they are cancelled', () => {
    const clock = new VirtualClock();
    const slots = new TimerSlots(clock);
    const timers = Array.from({ length: 100 }, (_, i) => slots.after(5000 + i, () => {}));
    expect(clock.pending).to.equal(1);
    for (const timer of [...timers.slice(50), ...timers.slice(0, 50)]) timer.cancel();
    expect(clock.pending).to.equal(0);
    for (const timer of timers) timer.cancel();
    slots.after(5000, () => {});
    expect(clock.pending).to.equal(1);
  });

  it('cancels a timer whose slot has opened, and one from within another', () => {
    const clock = new VirtualClock();
    const slots = new TimerSlots(clock);
    const fired: string[] = [];
    const late = slots.after(5499, () => fired.push('late'));
    slots.after(5100, () => {
      fired.push('early');
      late.cancel();
    });
    clock.advance(5050);
    expect(clock.pending).to.equal(2);
    clock.advance(5000);
    expect(fired).to.deep.equal(['early']);
    expect(clock.pending).to.equal(0);
  });

  it('keeps due what its slot opens too late for, as after a pause of the process', () => {
    let nowMs = 0;
    const due: Array<() => void> = [];
    const slots = new TimerSlots({
      now: () => nowMs,
      after: (_delayMs, callback) => {
        due.push(callback);
        return { cancel() {} };
      },
    });
    const fired: number[] = [];
    slots.after(5000, () => fired.push(1));
    nowMs = 64_000;
    slots.after(5000, () => fired.push(2));
    for (const callback of due.splice(0)) callback();
    for (const callback of due.splice(0)) callback();
    expect(fired.toSorted()).to.deep.equal([1, 2]);
  });
});
