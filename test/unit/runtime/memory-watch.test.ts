import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import type { MemoryReading } from '../../../src/runtime/memory.ts';
import { MemoryWatch, memoryCheckMs } from '../../../src/runtime/memory-watch.ts';

const quiet: MemoryReading = { residentBytes: 500, heldBytes: 300, heapBytes: 200 };
const marks = { residentBytesMax: 1000, heapBytesMax: 600 };

function watching() {
  const clock = new VirtualClock();
  const changes: boolean[] = [];
  const state = { reading: quiet, collections: 0, reads: 0 };
  const watch = new MemoryWatch(marks, {
    clock,
    logger: silentLogger,
    read: () => {
      state.reads++;
      return state.reading;
    },
    collectGarbage: () => state.collections++,
    onChange: (high) => changes.push(high),
  });
  watch.start();
  const check = (reading: Partial<MemoryReading>, times = 1): boolean => {
    state.reading = { ...quiet, ...reading };
    clock.advance(memoryCheckMs * times);
    return watch.high;
  };
  return { clock, watch, changes, state, check };
}

describe('runtime/memory-watch', () => {
  for (const [what, over, under] of [
    ['resident memory', { residentBytes: 1001, heldBytes: 600 }, { residentBytes: 940, heldBytes: 600 }],
    ['the heap', { heapBytes: 601 }, { heapBytes: 560 }],
  ] as const) {
    it(`calls it pressure when ${what} is over its mark at two checks, and over below 95% of it`, () => {
      const { check, changes } = watching();
      expect(check({}, 10)).to.equal(false);
      expect(check(over)).to.equal(false);
      expect(check(over)).to.equal(true);
      const [name, value] = Object.entries(over)[0];
      expect(check({ ...over, [name]: value * 0.97 }, 10), 'a little below').to.equal(true);
      expect(check(under)).to.equal(false);
      expect(changes).to.deep.equal([true, false]);
    });
  }

  it('takes no notice of a single check, nor of memory that was freed and is still resident', () => {
    const { check, changes } = watching();
    for (let i = 0; i < 5; i++) {
      check({ residentBytes: 2000, heldBytes: 2000 });
      check({});
    }
    check({ residentBytes: 5000, heldBytes: 499 }, 100);
    expect(changes).to.deep.equal([]);
  });

  it('ends when what was held is freed, whatever is still resident', () => {
    const { check, changes } = watching();
    check({ residentBytes: 2000, heldBytes: 2000 }, 2);
    expect(check({ residentBytes: 2000, heldBytes: 400 })).to.equal(false);
    expect(changes).to.deep.equal([true, false]);
  });

  it('has garbage collected before it refuses anything, and every two seconds from then on', () => {
    const { check, state } = watching();
    expect(check({ heapBytes: 700 })).to.equal(false);
    expect(state.collections).to.equal(1);
    check({ heapBytes: 700 }, 100); // 20 s
    expect(state.collections).to.equal(11);
    check({}, 100);
    expect(state.collections).to.equal(11);
  });

  it('checks five times a second, and leaves no timer when it is stopped', () => {
    const { watch, clock, state } = watching();
    clock.advance(10_000);
    expect(state.reads).to.equal(50);
    watch.stop();
    expect(clock.pending).to.equal(0);
  });
});
