import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import {
  firstIdleCheckMs,
  IdleCollector,
  idleCheckMs,
  idleChecksMin,
} from '../../../src/runtime/idle-collector.ts';

const mib = 1_048_576;

describe('runtime/idle-collector', () => {
  function idling() {
    const clock = new VirtualClock();
    const state = {
      active: 0,
      ended: 0,
      cpuMs: 600,
      residentBytes: 40 * mib,
      heldBytes: 20 * mib,
      shrunk: 0,
    };
    const collector = new IdleCollector({
      clock,
      calls: () => state,
      cpuMs: () => state.cpuMs,
      memory: () => ({ residentBytes: state.residentBytes, heapBytes: state.heldBytes }),
      shrinkHeap() {
        state.shrunk++;
        state.residentBytes = state.heldBytes;
      },
    });
    collector.start();
    return {
      clock,
      collector,
      state,
      first: () => clock.advance(firstIdleCheckMs),
      checks: (count: number) => clock.advance(count * idleCheckMs),
    };
  }

  function started() {
    const made = idling();
    made.first();
    made.state.shrunk = 0;
    return made;
  }

  it('gives back what the start left, at the first check; and then leaves it', () => {
    const { state, first, checks } = idling();
    first();
    expect(state.shrunk).to.equal(1);
    checks(50);
    expect(state.shrunk).to.equal(1);
  });

  it('never while there is work, and once afterwards; again after more', () => {
    const { state, checks } = started();
    for (let round = 1; round <= 2; round++) {
      state.residentBytes = 60 * mib;
      for (let i = 0; i < 10; i++) {
        state.ended += 1000;
        checks(1);
      }
      checks(idleChecksMin - 1);
      expect(state.shrunk, 'a short rest').to.equal(round - 1);
      checks(1);
      expect(state.shrunk).to.equal(round);
      checks(10);
      expect(state.shrunk).to.equal(round);
    }
  });

  it('with a stream that is always open and a few calls, while both are little work', () => {
    const { state, checks } = started();
    state.active = 1;
    state.residentBytes = 40 * mib;
    state.cpuMs += 300;
    checks(1);
    state.residentBytes = 60 * mib;
    checks(idleChecksMin - 1);
    expect(state.shrunk, 'the stream carried much').to.equal(0);
    state.ended += 50;
    state.cpuMs += 100;
    checks(1);
    expect(state.shrunk).to.equal(1);
  });

  it('not where so much is held that somebody would notice the pause', () => {
    const { state, checks } = started();
    state.active = 1;
    state.heldBytes = 60 * mib;
    state.residentBytes = 100 * mib;
    checks(10);
    expect(state.shrunk).to.equal(0);
    state.active = 0;
    checks(10);
    expect(state.shrunk).to.equal(1);
  });

  it('not for a little, and not again for what is in use', () => {
    const { state, checks } = started();
    state.residentBytes += 8 * mib - 1;
    checks(5);
    expect(state.shrunk).to.equal(0);
    state.heldBytes = state.residentBytes += 1;
    checks(5);
    expect(state.shrunk).to.equal(1);
  });

  it('judges growth by the least there was', () => {
    const { state, checks } = started();
    state.residentBytes = state.heldBytes = 200 * mib;
    checks(idleChecksMin);
    state.residentBytes = state.heldBytes = 20 * mib;
    checks(1);
    state.residentBytes = 40 * mib;
    checks(1);
    expect(state.shrunk).to.equal(2);
  });

  it('leaves no timer behind', () => {
    const { clock, collector, checks } = idling();
    checks(3);
    collector.stop();
    expect(clock.pending).to.equal(0);
  });
});
