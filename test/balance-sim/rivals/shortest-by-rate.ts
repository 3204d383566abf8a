import type { Policy } from '../spreader.ts';
import { lowest } from './choose.ts';

/** JSQ for replicas of unequal speed: every sidecar knows every call in flight and how fast each replica works. */
export const shortestByRate: Policy = {
  name: 'JSQ by rate',
  build({ sidecars, replicas, random, speeds }) {
    const inFlight = new Int32Array(replicas);
    return Array.from({ length: sidecars }, () => {
      const ties = random();
      let known: readonly number[] = [];
      return {
        pick() {
          const replica = lowest(known, (one) => (inFlight[one] + 1) / speeds[one], ties);
          if (replica >= 0) inFlight[replica]++;
          return replica;
        },
        settle({ replica }) {
          inFlight[replica]--;
        },
        discover(told) {
          known = told;
        },
        stop() {},
      };
    });
  },
};
