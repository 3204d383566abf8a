import type { Random } from '../../../src/core/random.ts';
import type { Policy, Spreader, SpreaderDeps } from '../spreader.ts';

/** Makes a policy of spreaders that share nothing: each sidecar knows what its own calls bring back. */
export function apart(name: string, build: (deps: SpreaderDeps) => Spreader): Policy {
  return { name, build: (deps) => Array.from({ length: deps.sidecars }, () => build(deps)) };
}

/** Returns the replica with the lowest score, one of them at random where several have it; -1 without replicas. */
export function lowest(
  known: readonly number[],
  scoreOf: (replica: number) => number,
  random: Random,
): number {
  let best = -1;
  let bestScore = Number.POSITIVE_INFINITY;
  let tied = 0;
  for (let i = 0; i < known.length; i++) {
    const replica = known[i];
    const score = scoreOf(replica);
    if (score < bestScore || best < 0) {
      best = replica;
      bestScore = score;
      tied = 1;
    } else if (score === bestScore && random.next() * ++tied < 1) best = replica;
  }
  return best;
}
