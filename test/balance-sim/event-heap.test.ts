import { expect } from 'chai';
import fc from 'fast-check';
import { EventHeap } from './event-heap.ts';

describe('EventHeap', () => {
  it('gives events in the order of their time, those of one moment in the order they came', () => {
    // A time to add at, or null to take.
    const step = fc.option(fc.integer({ min: 0, max: 20 }), { freq: 2 });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const heap = new EventHeap();
        const model: Array<{ atMs: number; code: number }> = [];
        for (const [code, atMs] of steps.entries()) {
          if (atMs !== null) {
            heap.add(atMs, code);
            model.push({ atMs, code });
            model.sort((a, b) => a.atMs - b.atMs || a.code - b.code);
          } else if (model.length > 0) {
            const next = model.shift()!;
            expect(heap.nextMs).to.equal(next.atMs);
            expect(heap.take()).to.equal(next.code);
          }
          expect(heap.size).to.equal(model.length);
        }
        if (model.length === 0) expect(heap.nextMs).to.equal(Number.POSITIVE_INFINITY);
      }),
    );
  });

  it('grows past what it began with', () => {
    const heap = new EventHeap();
    for (let i = 0; i < 5000; i++) heap.add((i * 7919) % 5000, i);
    for (let i = 0; i < 5000; i++) {
      expect(heap.nextMs).to.equal(i);
      heap.take();
    }
  });
});
