import { expect } from 'chai';
import { IdleCollector, idleLookMs } from '../../../src/app/idle-collector.ts';
import { VirtualClock } from '../../../src/core/clock.ts';

describe('app/idle-collector', () => {
  function idling() {
    const clock = new VirtualClock();
    const state = { active: 0, ended: 0, unusedBytes: 20_000_000, shrunk: 0 };
    const collector = new IdleCollector({
      clock,
      calls: () => state,
      unusedBytes: () => state.unusedBytes,
      shrinkHeap: () => state.shrunk++,
    });
    collector.start();
    return { clock, collector, state, looks: (count: number) => clock.advance(count * idleLookMs) };
  }

  it('gives back what the start left, once no call came from one look to the next; and then leaves it', () => {
    const { state, looks } = idling();
    looks(1);
    expect(state.shrunk).to.equal(0);
    looks(1);
    expect(state.shrunk).to.equal(1);
    looks(50);
    expect(state.shrunk).to.equal(1);
  });

  it('never while a call is in flight, or when one ended since the last look; again after work', () => {
    const { state, looks } = idling();
    state.active = 1;
    looks(10);
    state.active = 0;
    for (let i = 0; i < 10; i++) {
      state.ended++;
      looks(1);
    }
    expect(state.shrunk).to.equal(0);
    looks(1);
    expect(state.shrunk).to.equal(1);
    state.ended++;
    looks(1);
    expect(state.shrunk).to.equal(1);
    looks(5);
    expect(state.shrunk).to.equal(2);
  });

  it('not for a little', () => {
    const { state, looks } = idling();
    state.unusedBytes = 8_000_000;
    looks(5);
    expect(state.shrunk).to.equal(0);
    state.unusedBytes = 9_000_000;
    looks(1);
    expect(state.shrunk).to.equal(1);
  });

  it('leaves no timer behind', () => {
    const { clock, collector, looks } = idling();
    looks(3);
    collector.stop();
    expect(clock.pending).to.equal(0);
  });
});
