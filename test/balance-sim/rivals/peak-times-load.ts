import type { Policy } from '../spreader.ts';
import { apart, lowest } from './choose.ts';
import { PeakLatency } from './peak-latency.ts';
import { ReportedLoad } from './reported-load.ts';

/** Linkerd's peak EWMA with the calls of others, as reported and used once, beside its own. */
export const peakTimesLoad: Policy = apart('peak EWMA × (own + reported)', ({ replicas, random }) => {
  const load = new ReportedLoad(replicas);
  const latency = new PeakLatency(replicas);
  const ties = random();
  let known: readonly number[] = [];
  return {
    pick(nowMs) {
      const { mean } = load;
      const unknownMs = latency.mean(known) || 1;
      const scoreOf = (one: number): number =>
        (latency.fadedMs(one, nowMs) || unknownMs) *
        (load.own[one] + mean + load.deviation(one, mean, nowMs) + 1);
      const replica = lowest(known, scoreOf, ties);
      if (replica >= 0) load.picked(replica);
      return replica;
    },
    settle({ replica, report, latencyMs, nowMs }) {
      load.settled(replica, report, nowMs);
      latency.measured(replica, latencyMs, nowMs);
    },
    discover(told) {
      known = told;
    },
    stop() {},
  };
});
