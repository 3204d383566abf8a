import { totalmem } from 'node:os';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Config } from '../config/table.ts';
import { blockPool } from '../core/block-pool.ts';

/** Memory of this process, bytes. */
export interface MemoryReading {
  /** What the system says it holds. */
  readonly residentBytes: number;
  /** Objects on V8's heap, garbage that was not collected yet included. */
  readonly heapBytes: number;
  /** The heap's objects and buffers: what is resident beyond this has been freed, and will be used again first. */
  readonly heldBytes: number;
}

export interface MemoryMarks {
  readonly residentBytesMax: number;
  readonly heapBytesMax: number;
}

/** Of what the container, else the machine, has: the rest is for the peaks between two checks. */
const residentShare = 0.8;
/** Of V8's own limit, at which it ends the process. */
const heapShare = 0.85;

/** About 10 µs. */
export function readMemory(): MemoryReading {
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  return { residentBytes: rss, heapBytes: heapUsed, heldBytes: heapUsed + arrayBuffers };
}

/** As configured, else from the limits of the container and of V8. */
export function memoryMarks({ memoryBytes, heapBytes }: Config['limits']): MemoryMarks {
  // Without a container it is none, or more than there is.
  const constrained = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return {
    residentBytesMax: memoryBytes ?? Math.floor(Math.min(constrained, totalmem()) * residentShare),
    heapBytesMax: heapBytes ?? Math.floor(getHeapStatistics().heap_size_limit * heapShare),
  };
}

/** CPU time of all threads so far, milliseconds. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

type CollectGarbage = (options: {
  type: 'major';
  execution: 'async' | 'sync';
  flavor?: 'last-resort';
}) => unknown;
let collector: CollectGarbage | null = null;

function collectorOf(): CollectGarbage {
  if (collector === null) {
    // The one way to it that needs no flag on the command line.
    setFlagsFromString('--expose-gc');
    collector = runInNewContext('gc') as CollectGarbage;
  }
  return collector;
}

/**
 * Asks V8 to collect garbage, in slices. A process that refuses all new work allocates nothing, so V8 would have no reason
 * to, and the memory of the work that ended would never be seen to be free.
 */
export function collectGarbage(): void {
  blockPool.clear();
  collectorOf()({ type: 'major', execution: 'async' });
}

/** Has V8 collect at once and give back all the pages that it can, the one kind of collection that does: 2 ms for each MiB in use. */
export function shrinkHeap(): void {
  blockPool.clear();
  collectorOf()({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/**
 * Has V8 put no new object into the old part of its heap. By itself it does, from places whose objects it has seen survive,
 * and what a call is made of survives for as long as the call: in two of five processes, by chance, the collector then had
 * to run in full again and again. At c10 m10 those took 5.8 to 6.5 µs a call and 290 MiB, the others 5.2 and 176; so all
 * five take 5.2.
 */
export function disablePretenuring(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
