import type { Random } from '../../../src/core/random.ts';
import type { Policy } from '../spreader.ts';
import { apart } from './choose.ts';
import { ReportedLoad } from './reported-load.ts';

/** Calls that all sidecars together are assumed to place while they know the same. */
const batch = 2;

/**
 * Tidal water filling (Goren, Vargaftik and Moses, 2020): a sidecar reckons with the others, who see the same queues and choose now
 * as well. All of their calls together would fill the shortest queues up to one level; each replica is drawn with the probability
 * of the part that flows there. Queues are estimated as with "used once".
 */
export const tidalWaterFilling: Policy = apart('tidal water filling', ({ replicas, random }) => {
  const load = new ReportedLoad(replicas);
  const queues = new Float64Array(replicas);
  const drawn = random();
  let known: readonly number[] = [];
  return {
    pick(nowMs) {
      if (known.length === 0) return -1;
      const { mean } = load;
      for (let i = 0; i < known.length; i++)
        queues[i] = load.own[known[i]] + mean + load.deviation(known[i], mean, nowMs);
      const replica = known[drawFilled(queues.subarray(0, known.length), batch, drawn)];
      load.picked(replica);
      return replica;
    },
    settle: ({ replica, report, nowMs }) => load.settled(replica, report, nowMs),
    discover(told) {
      known = told;
    },
    stop() {},
  };
});

/** Returns the level to which so much water fills containers that have something in them already. */
export function waterLevel(levels: Float64Array, water: number): number {
  const sorted = levels.slice().sort();
  let sum = water;
  for (let i = 0; ; i++) {
    sum += sorted[i];
    const level = sum / (i + 1);
    if (i + 1 === sorted.length || level <= sorted[i + 1]) return level;
  }
}

function drawFilled(queues: Float64Array, water: number, random: Random): number {
  const level = waterLevel(queues, water);
  let left = random.next() * water;
  let last = 0;
  for (let i = 0; i < queues.length; i++) {
    if (queues[i] >= level) continue;
    last = i;
    left -= level - queues[i];
    if (left <= 0) break;
  }
  return last;
}
