import { shortestQueue } from './baselines.ts';
import { ownCounts, sharedLoad } from './policies.ts';
import { goalFaults, withFault } from './report-faults.ts';
import { shortestByRate } from './rivals/shortest-by-rate.ts';
import { run } from './run.ts';
import { type Scenario, scenario, steady } from './scenario.ts';
import type { Policy } from './spreader.ts';
import { summarise } from './summary.ts';
import { coldReplica, slowReplica } from './troubles.ts';
import { type Extent, meanWithInterval, type Verdict } from './verdict.ts';

/** Goals 6 to 8: what reports are to bring, and what they must not do. */

/** Goals of the tables are judged by these too; goal 8 by others, of which none was used to choose a constant. */
const holdOutSeeds = 1000;

function judged(
  goal: string,
  one: Scenario,
  base: Policy,
  limit: number,
  seeds: readonly number[],
  policy = sharedLoad,
): Verdict {
  const ratios = seeds.map((seed) => {
    const [p99Ms, than] = [policy, base].map((each) => summarise(run(one, each, seed)).p99Ms);
    return p99Ms / than;
  });
  const { mean, interval } = meanWithInterval(ratios);
  return { goal, figure: mean, interval, limit, unit: `× ${base.name}` };
}

/** 6. With reports many sidecars are nearly one. */
export function sharedLoadGoal({ seeds, calls, short }: Extent): Verdict[] {
  const healthy = [
    { sidecars: 10, replicas: 10, limit: 1.05 },
    { sidecars: 100, replicas: 10, limit: 1.18 },
    { sidecars: 100, replicas: 100, limit: 1.07 },
  ];
  const verdicts = (short ? healthy.slice(1, 2) : healthy).map(({ sidecars, replicas, limit }) =>
    judged(
      `6. reports, ${sidecars} sidecars, ${replicas} replicas: p99`,
      steady(scenario({ sidecars, replicas, calls })),
      shortestQueue,
      limit,
      seeds,
    ),
  );
  for (const sidecars of short ? [100] : [1, 10, 100])
    verdicts.push(
      judged(
        `6. one of ten 10 × slow, ${sidecars} sidecars: p99`,
        slowReplica(sidecars).scenario,
        shortestQueue,
        1,
        seeds,
      ),
    );
  if (short) return verdicts;
  const cold = coldReplica(100).scenario;
  return [...verdicts, judged('6. one of ten cold, 100 sidecars: p99', cold, shortestQueue, 1.25, seeds)];
}

/** Half of the replicas twice as fast as the others; one of ten ten times as slow. */
export const unequalSpeeds = [
  { name: '2:1', speeds: [2, 2, 2, 2, 2, 1, 1, 1, 1, 1] },
  { name: '10:1', speeds: [0.1, 1, 1, 1, 1, 1, 1, 1, 1, 1] },
] as const;

/** 7. Nobody has to say which replicas are slower than others. One of ten ten times as slow lies at the limit, so the short form leaves it out. */
export function replicasOfUnequalSpeed({ seeds, calls, short }: Extent): Verdict[] {
  return (short ? unequalSpeeds.slice(0, 1) : unequalSpeeds).flatMap(({ name, speeds }) =>
    (short ? [10] : [1, 10, 100]).map((sidecars) =>
      judged(
        `7. replicas ${name}, load 0.95, ${sidecars} sidecars: p99`,
        steady(scenario({ sidecars, speeds, load: 0.95, calls })),
        shortestByRate,
        sidecars > 10 ? 1.3 : 1.1,
        seeds,
      ),
    ),
  );
}

/** 8. Reports that are late, false or missing are no worse than none. */
export function faultyReports({ seeds, short }: Extent): Verdict[] {
  const layouts = [
    [10, 10],
    [100, 10],
    [100, 100],
  ];
  const others = seeds.map((seed) => holdOutSeeds + seed);
  return (short ? layouts.slice(1, 2) : layouts).flatMap(([sidecars, replicas]) =>
    (short ? goalFaults.filter((_, i) => i % 2 === 0) : goalFaults).map((fault) => {
      const goal = `8. reports: ${fault.name}; ${sidecars} sidecars, ${replicas} replicas: p99`;
      const one = withFault(fault, sidecars, replicas);
      return judged(goal, short ? { ...one, calls: 50_000 } : one, ownCounts, 1.03, others);
    }),
  );
}

export const reportGoals = [sharedLoadGoal, replicasOfUnequalSpeed, faultyReports];
