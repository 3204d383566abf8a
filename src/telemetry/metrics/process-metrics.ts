import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Registry } from './registry.ts';

/** Sockets open now. */
export interface ConnectionCounts {
  readonly downstream: number;
  readonly upstream: number;
}

/** How often the event loop's lag is sampled: every 20 ms took half of what an idle process does, and a stall is long or frequent. */
const lagResolutionMs = 100;

/** Memory, CPU, event-loop lag and connections. `stop` ends the sampling. */
export function registerProcessMetrics(
  registry: Registry,
  startedWallMs: number,
  connections: () => ConnectionCounts,
): { stop(): void } {
  const lag = monitorEventLoopDelay({ resolution: lagResolutionMs });
  lag.enable();
  registry.observe(
    'gauge',
    { name: 'process.resident_memory', help: 'Resident memory.', unit: 'By' },
    (emit) => emit({}, process.memoryUsage.rss()),
  );
  registry.observe(
    'counter',
    { name: 'process.cpu', help: 'CPU time, user and system.', unit: 's' },
    (emit) => {
      const { user, system } = process.cpuUsage();
      emit({}, (user + system) / 1e6);
    },
  );
  registry.observe(
    'gauge',
    { name: 'process.start_time', help: 'Unix time at which the process started.', unit: 's' },
    (emit) => emit({}, startedWallMs / 1000),
  );
  registry.observe(
    'gauge',
    {
      name: 'outrigger.event_loop.lag',
      help: 'Delay of timers in the event loop since the last collection.',
      unit: 's',
    },
    (emit) => {
      // The monitor measures whole intervals: what exceeds its resolution is the lag. Empty, it reports no number.
      const seconds = (nanoseconds: number): number =>
        Math.max(0, nanoseconds / 1e9 - lagResolutionMs / 1000) || 0;
      emit({ 'outrigger.quantile': '0.5' }, seconds(lag.percentile(50)));
      emit({ 'outrigger.quantile': '0.99' }, seconds(lag.percentile(99)));
      emit({ 'outrigger.quantile': '1' }, lag.count === 0 ? 0 : seconds(lag.max));
      lag.reset();
    },
  );
  registry.observe(
    'gauge',
    { name: 'outrigger.connections', help: 'Open connections.', unit: '{connection}' },
    (emit) => {
      const { downstream, upstream } = connections();
      emit({ 'outrigger.side': 'downstream' }, downstream);
      emit({ 'outrigger.side': 'upstream' }, upstream);
    },
  );
  return { stop: () => void lag.disable() };
}
