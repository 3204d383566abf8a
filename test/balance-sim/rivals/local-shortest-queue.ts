import type { Policy } from '../spreader.ts';
import { apart, lowest } from './choose.ts';
import { ReportedLoad } from './reported-load.ts';

/** Time constant with which an estimate returns to the mean of all, milliseconds: the mean service time of the tables. */
const decayMs = 2;

/**
 * LSQ (Vargaftik, Keslassy and Orda, 2020): each sidecar has an estimate of every queue, counts its own calls in it, corrects it by
 * what a reply reports, and joins the queue that seems shortest. What was reported counts for every pick, but grows old within the
 * time of a call.
 */
export const localShortestQueue: Policy = apart('LSQ', ({ replicas, random }) => {
  const load = new ReportedLoad(replicas, decayMs, Number.POSITIVE_INFINITY);
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
