import type { Random } from '../../src/core/random.ts';
import type { Policy, Spreader } from './spreader.ts';

/** What the product's policies are measured against: none of this is its code. */

type Choose = (known: readonly number[], inFlight: Int32Array, random: Random) => number;

/** A policy over counts of calls in flight: those of the sidecar itself, or of all of them. */
function byCounts(name: string, knows: 'own calls' | 'all calls', choose: () => Choose): Policy {
  return {
    name,
    build({ sidecars, replicas, random }) {
      const shared = new Int32Array(replicas);
      return Array.from({ length: sidecars }, () => {
        const inFlight = knows === 'all calls' ? shared : new Int32Array(replicas);
        return counting(inFlight, choose(), random());
      });
    },
  };
}

function counting(inFlight: Int32Array, choose: Choose, random: Random): Spreader {
  let known: readonly number[] = [];
  return {
    pick() {
      if (known.length === 0) return -1;
      const replica = choose(known, inFlight, random);
      inFlight[replica]++;
      return replica;
    },
    settle({ replica }) {
      inFlight[replica]--;
    },
    discover(replicas) {
      known = replicas;
    },
    stop() {},
  };
}

const leastOfAll: Choose = (known, inFlight, random) => {
  let best = -1;
  let tied = 0;
  for (let i = 0; i < known.length; i++) {
    const replica = known[i];
    if (best >= 0 && inFlight[replica] > inFlight[best]) continue;
    if (best < 0 || inFlight[replica] < inFlight[best]) {
      best = replica;
      tied = 1;
    } else if (random.next() * ++tied < 1) best = replica;
  }
  return best;
};

/** Join the shortest queue, with every sidecar knowing of every call in flight at that moment: the limit. */
export const shortestQueue: Policy = byCounts('JSQ', 'all calls', () => leastOfAll);

/** The lesser of two draws, which may be the same one (Envoy's least request with equal weights). */
export const twoWithReplacement: Policy = byCounts(
  'P2C with replacement',
  'own calls',
  () => (known, inFlight, random) => {
    const first = known[Math.floor(random.next() * known.length)];
    const second = known[Math.floor(random.next() * known.length)];
    return inFlight[second] < inFlight[first] ? second : first;
  },
);

/** HAProxy's leastconn with equal weights: among the least loaded the one that has waited longest for a call. */
export const leastConn: Policy = byCounts('leastconn', 'own calls', () => {
  const pickedAt = new Map<number, number>();
  let picks = 0;
  return (known, inFlight) => {
    let best = known[0];
    for (const replica of known) {
      const less =
        inFlight[replica] - inFlight[best] || (pickedAt.get(replica) ?? 0) - (pickedAt.get(best) ?? 0);
      if (less < 0) best = replica;
    }
    pickedAt.set(best, ++picks);
    return best;
  };
});
