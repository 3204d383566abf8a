import type { Policy } from '../spreader.ts';
import { apart, lowest } from './choose.ts';
import { ReportedLoad } from './reported-load.ts';

/**
 * Own calls, and those of others as reported. A report counts for one pick: the sidecars that saw the same short queue would all
 * send there again and again otherwise. Until the next report the replica counts as average.
 */
export const usedOnce: Policy = apart('used once', ({ replicas, random }) => {
  const load = new ReportedLoad(replicas);
  const ties = random();
  let known: readonly number[] = [];
  return {
    pick(nowMs) {
      const { mean } = load;
      const replica = lowest(known, (one) => load.own[one] + mean + load.deviation(one, mean, nowMs), ties);
      if (replica >= 0) load.picked(replica);
      return replica;
    },
    settle: ({ replica, report, nowMs }) => load.settled(replica, report, nowMs),
    discover(told) {
      known = told;
    },
    stop() {},
  };
});
