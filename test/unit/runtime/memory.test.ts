import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { expect } from 'chai';
import { collectGarbage, cpuMs, memoryMarks, readMemory, shrinkHeap } from '../../../src/runtime/memory.ts';
import { until } from '../../support/until.ts';

describe('runtime/memory', () => {
  it('reads what this process holds', () => {
    const { residentBytes, heapBytes, heldBytes } = readMemory();
    expect(heapBytes).to.be.within(1e6, residentBytes);
    expect(heldBytes).to.be.at.least(heapBytes);
  });

  it('reports the CPU time that this process used', () => {
    const before = cpuMs();
    const untilMs = performance.now() + 50;
    while (performance.now() < untilMs);
    // How much of the time a busy machine gave us is not ours to say.
    expect(cpuMs()).to.be.greaterThan(before);
  });

  it('has marks as configured, else below the limits of the machine and of V8', () => {
    const bufferedBytes = 1;
    expect(memoryMarks({ bufferedBytes, memoryBytes: 7, heapBytes: 8 })).to.deep.equal({
      residentBytesMax: 7,
      heapBytesMax: 8,
    });
    const own = memoryMarks({ bufferedBytes, memoryBytes: undefined, heapBytes: undefined });
    expect(own.residentBytesMax).to.be.within(1e8, totalmem() * 0.8);
    expect(own.heapBytesMax).to.be.within(1e7, getHeapStatistics().heap_size_limit * 0.85);
  });

  it('gets garbage collected, buffers with it', async () => {
    const before = readMemory().heldBytes;
    (() => Buffer.alloc(50_000_000).fill(1).length)();
    await until(
      () => {
        collectGarbage();
        return readMemory().heldBytes < before + 25_000_000;
      },
      () => `${readMemory().heldBytes} bytes are held, ${before} were before`,
    );
  });

  it('gives the pages of the heap back that are not used', () => {
    let held: unknown[] = Array.from({ length: 1_000_000 }, (_, index) => ({ index }));
    const grownBytes = process.memoryUsage().heapTotal;
    held = [];
    shrinkHeap();
    expect(process.memoryUsage().heapTotal).to.be.below(grownBytes - 20_000_000 - held.length);
  });
});
